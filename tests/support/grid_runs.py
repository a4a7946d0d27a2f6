"""Runs of the stage `handling` in the background, on a grid of four trials."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.pipeline_inputs import BACKBONE

REPOSITORY = Path(__file__).parents[2]
UNITS, RATES = [4, 8], [0.01, 0.001]
SMALL = {  # params
    "handling.grid": {"frozen": [], "unfreeze": [4], "units": UNITS, "lr": RATES},
    "handling.epochs": 2,
    "handling.workers": 1,
    "runtime.intra_op": 1,
}


def start(workspace: Path) -> subprocess.Popen:
    """Start the stage in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "stages.handling", BACKBONE],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Return as soon as `condition()` is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def finished(workspace: Path, layers: str = "4") -> list[Path]:
    """The trials in the checkpoint of a run under way."""
    return sorted((workspace / f"models/.handling/{BACKBONE}-{layers}").rglob("[!.]*.json"))
