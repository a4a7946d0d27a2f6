"""Measurements that a client takes of itself: a log line for each answer, and the cost of its work at the end; Linux only."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import psutil

IDLE = {"idle", "iowait", "guest", "guest_nice", "steal"}  # user includes guest


@contextmanager
def measured(server: int) -> Iterator[None]:
    """Print the cost of the block as one line of JSON: `costs`, the differences of `clocks`, and `peak`, memory in bytes."""
    before = clocks(server)
    yield
    costs = {name: value - before[name] for name, value in clocks(server).items()}
    sys.stdout.write(json.dumps({"costs": costs, "peak": peak()}) + "\n")


def clocks(server: int) -> dict[str, float]:
    """Return wall-clock seconds, and CPU seconds of this process, of the server's process and of the entire machine."""
    machine = psutil.cpu_times()._asdict()
    server_times = psutil.Process(server).cpu_times()
    return {
        "wall": time.perf_counter(),
        "client": time.process_time(),
        "server": server_times.user + server_times.system,
        "machine": sum(seconds for kind, seconds in machine.items() if kind not in IDLE),
    }


def peak() -> int:
    """Return the peak memory of this process in bytes, as the kernel records it; sampling could miss it."""
    [kibibytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.M)
    return 1024 * int(kibibytes)


def log_answer(answers: TextIO, url: str, body: bytes) -> None:
    """Log one answer: its bytes and its address."""
    answers.write(f"{len(body)} {url}\n")
