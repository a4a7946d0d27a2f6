"""img2dataset's resizer in as many processes as cores, for bench/resize.py: PYTHON -m bench.img2dataset_resizer FOLDER TARGET SIDE.

Reads:  the .jpg files in FOLDER; PYTHON is one with img2dataset, which the lock leaves out
Writes: TARGET, a folder of .jpg files; the seconds on stdout
"""

import io
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

resizers: dict[int, Any] = {}  # of this process


def resize(path: Path, target: Path, side: int) -> None:
    """One picture in a square with a border, as JPEG."""
    if side not in resizers:
        from img2dataset.resizer import Resizer

        resizers[side] = Resizer(side, "border", False)
    content, *_, error = resizers[side](io.BytesIO(path.read_bytes()))
    assert error is None, error
    (target / path.name).write_bytes(content)


def main() -> None:
    """Resize all files."""
    folder, target, side = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    target.mkdir()
    start = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        list(pool.map(partial(resize, target=target, side=side), sorted(folder.glob("*.jpg")), chunksize=64))
    sys.stdout.write(f"{time.perf_counter() - start}\n")


if __name__ == "__main__":
    main()
