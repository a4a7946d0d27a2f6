"""Runs stages one after the other in one process, which imports their libraries once: `python -m tests.support.stage_sequence NAME...`."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def run_stages(*names: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the stages in another process, in the working directory; `options` are those of `subprocess.run`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.stage_sequence", *names],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        **options,
    )


def run(name: str) -> None:
    """Run `python -m stages.NAME` in this process; end with its exit code if it fails."""
    sys.argv = [name]
    try:
        runpy.run_module(f"stages.{name}", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    for stage in sys.argv[1:]:
        run(stage)
