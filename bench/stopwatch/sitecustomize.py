"""On PYTHONPATH, records each `python -m` process of a run and each worker: when it began and ended, its imports, CPU and memory.

STOPWATCH: the folder to which each process writes <pid>.json at its end. Seconds are those of the system's clock; `imports` are the
seconds of outermost imports.
"""

import atexit
import builtins
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGIN = time.time()  # hardly later than the process: site is imported first
state = {"depth": 0, "imports": 0.0}


def timed(load: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that imports, so that the outermost call counts."""

    def wrapper(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        state["depth"] += 1
        try:
            return load(*arguments, **options)
        finally:
            state["depth"] -= 1
            if state["depth"] == 0:
                state["imports"] += time.perf_counter() - start

    return wrapper


def write_record() -> None:
    """Write what this process took."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    record = {
        "command": sys.orig_argv[1:],
        "parent": os.getppid(),
        "begin": BEGIN,
        "end": time.time(),
        "imports": state["imports"],
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
    }
    Path(os.environ["STOPWATCH"], f"{os.getpid()}.json").write_text(json.dumps(record), encoding="utf-8")


if "STOPWATCH" in os.environ and sys.orig_argv[1:2] == ["-m"]:
    builtins.__import__ = timed(builtins.__import__)
    importlib.import_module = timed(importlib.import_module)
    atexit.register(write_record)
elif (
    "STOPWATCH" in os.environ and "--multiprocessing-fork" in sys.orig_argv
):  # a worker of workflow.repro, which atexit does not reach
    from multiprocessing.util import Finalize

    Finalize(None, write_record, exitpriority=0)
