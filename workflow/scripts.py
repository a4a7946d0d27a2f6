"""Write the environment's scripts anew: in a moved or copied folder their first lines name the Python of the old one.

Reads:  the metadata of the installed packages
Writes: .venv/bin, without Python itself; `make setup` runs it where the folder's path has changed
"""

import sys
import venv
from importlib.metadata import entry_points
from pathlib import Path

from distlib.scripts import ScriptMaker


def main() -> None:
    """Write all scripts and the files to activate the environment."""
    venv.create(sys.prefix, symlinks=True)
    maker = ScriptMaker(None, str(Path(sys.prefix) / "bin"))
    maker.clobber, maker.variants = True, {""}
    maker.make_multiple(
        f"{script.name} = {script.value.partition('[')[0].strip()}" for script in entry_points(group="console_scripts")
    )


if __name__ == "__main__":
    main()
