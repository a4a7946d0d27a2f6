"""What a measured client tells of itself: a line for each answer while it runs, and at the end what its work cost; Linux only."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import psutil

IDLE = {"idle", "iowait", "guest", "guest_nice", "steal"}  # guest is part of user already


@contextmanager
def measured(server: int) -> Iterator[None]:
    """Print what the block cost, as one line of JSON: `costs`, the differences of `clocks`, and the `peak` of memory in bytes."""
    before = clocks(server)
    yield
    costs = {name: value - before[name] for name, value in clocks(server).items()}
    sys.stdout.write(json.dumps({"costs": costs, "peak": peak()}) + "\n")


def clocks(server: int) -> dict[str, float]:
    """Seconds of the wall's clock, and CPU seconds of this process, of the one that serves it and of the whole machine."""
    machine = psutil.cpu_times()._asdict()
    serving = psutil.Process(server).cpu_times()
    return {
        "wall": time.perf_counter(),
        "client": time.process_time(),
        "server": serving.user + serving.system,
        "machine": sum(seconds for kind, seconds in machine.items() if kind not in IDLE),
    }


def peak() -> int:
    """The most memory that this process ever held, bytes; the kernel's own mark, which no sampling misses."""
    [kibibytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.M)
    return 1024 * int(kibibytes)


def note(answers: TextIO, url: str, body: bytes) -> None:
    """Tell of one answer."""
    answers.write(f"{len(body)} {url}\n")
