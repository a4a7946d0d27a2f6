"""Compare the HTTP service with ONNX Runtime alone in batches, state its latency at half the load, and send it hostile requests.

Reads:  models/best and data/raw/thumbnails, as a run of the pipeline left them
Writes: a table in Markdown on stdout; all traffic is on loopback
bench/README.md explains the table.
"""

import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import aiohttp
import numpy as np
import psutil
import typer

import webtoon_genre
from bench.predict import rate, run_alone, write_thumbnails
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.progress import track

CLIENTS = 48  # connections that always wait for an answer
ATTACKERS = 16  # hostile requests at once
PATIENCE = 60.0  # seconds until the service answers
BOUNDARY = "----x"


@contextmanager
def service(model: Path) -> Iterator[tuple[str, int, int]]:
    """The service in a separate process: host, port, process id."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "webtoon_genre.cli", "serve", "--model", str(model), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > end:
                raise InputError("the service does not start; `webtoon-genre serve` says why")
            time.sleep(0.1)
        yield "127.0.0.1", port, process.pid
    finally:
        process.terminate()
        process.wait(60)


async def post(session: aiohttp.ClientSession, url: str, content: bytes) -> tuple[float, int]:
    """Seconds until the answer, and its status."""
    form = aiohttp.FormData()
    form.add_field("files", content, filename="1.jpg")
    start = time.perf_counter()
    async with session.post(url, data=form) as response:
        await response.read()
        return time.perf_counter() - start, response.status


async def saturate(url: str, contents: list[bytes], seconds: float) -> float:
    """Answers a second while CLIENTS connections always wait for one."""
    end, answered = time.perf_counter() + seconds, 0

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            _, status = await post(session, url, random.choice(contents))
            answered += status == 200

    connector = aiohttp.TCPConnector(limit=CLIENTS)
    start = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
    return answered / (time.perf_counter() - start)


async def at_load(url: str, contents: list[bytes], load: float, seconds: float) -> list[float]:
    """Seconds of each answer at `load` requests a second that arrive at random (Poisson), whether or not earlier ones are answered."""
    generator, tasks = random.Random(1), []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            tasks.append(asyncio.create_task(post(session, url, generator.choice(contents))))
            await asyncio.sleep(generator.expovariate(load))
        results = await asyncio.gather(*tasks)
    if bad := [status for _, status in results if status != 200]:
        raise InputError(
            f"{len(bad)} of {len(results)} requests at half the load were refused, the first with {bad[0]}"
        )
    return [duration for duration, _ in results]


def hostile(content: bytes, generator: random.Random) -> bytes:
    """A request that is cut, wrong, or holds something else than a picture."""
    body = damaged(content, generator)
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="1"\r\n\r\n'.encode()
    form = part * generator.choice((1, 1, 1, 60)) + body + f"\r\n--{BOUNDARY}--\r\n".encode()
    length = generator.choice((len(form), len(form), len(form) // 2, len(form) + 100, 10**11))
    kind = generator.choice(
        (f"multipart/form-data; boundary={BOUNDARY}", "image/jpeg", "text/plain", "multipart/form-data")
    )
    head = (
        f"POST /{generator.choice(('predict', 'similar', 'explain'))} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: {kind}\r\n"
        f"{'X: ' + 'a' * generator.choice((1, 1, 100_000))}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
    request = head + form
    return request[: generator.choice((len(request), len(request), len(head) // 2, len(head) + 10))]


def damaged(content: bytes, generator: random.Random) -> bytes:
    """A picture that is cut, has other bytes in it, or is none."""
    kind = generator.randrange(4)
    if kind == 0:
        return content[: generator.randrange(len(content))]
    if kind == 1:
        changed = bytearray(content)
        for _ in range(20):
            changed[generator.randrange(len(changed))] = generator.randrange(256)
        return bytes(changed)
    if kind == 2:
        return os.urandom(generator.randrange(1, 5000))
    return (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
        + (60_000).to_bytes(4, "big") * 2
        + b"\x08\x02\x00\x00\x00"
        + bytes(100)
        + b"IEND"
    )


def send(host: str, port: int, request: bytes) -> bytes:
    """Send raw bytes; the first line of the answer, empty where the client goes before it."""
    with socket.create_connection((host, port), timeout=0.2) as connection:
        try:
            connection.sendall(request)
            return connection.recv(4096).split(b"\r\n")[0]
        except OSError:
            return b""


def attack(host: str, port: int, process: int, contents: list[bytes], number: int) -> str:
    """Send so many hostile requests; memory before and after, and the answers that blame the service."""
    generator, failures, memory = random.Random(2), 0, []

    def attempt(seed: int) -> bytes:
        single = random.Random(seed)
        return send(host, port, hostile(single.choice(contents), single))

    with ThreadPoolExecutor(ATTACKERS) as pool:
        answers = pool.map(attempt, [generator.getrandbits(64) for _ in range(number)])
        for index, answer in enumerate(track(answers, number, "hostile", "requests")):
            failures += answer.startswith(b"HTTP/1.1 500")
            if index == number // 10 or index == number - 1:
                memory.append(psutil.Process(process).memory_info().rss / 1e6)
    return f"{failures} answers 500; memory {memory[0]:.0f} MB after a tenth, {memory[-1]:.0f} MB at the end"


def main(
    model: Annotated[Path, typer.Option(help="A model's folder.")] = paths.BEST,
    seconds: Annotated[float, typer.Option(min=1, help="Of each measurement.")] = 30.0,
    requests: Annotated[int, typer.Option("--hostile", min=10, help="Hostile requests.")] = 10_000,
) -> None:
    """Measure the runtime alone, the service saturated, the service at half the runtime's load, then attack it."""
    loaded = webtoon_genre.load(model)
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        contents = [Path(name).read_bytes() for name in write_thumbnails(Path(folder), 500)]
    number = 64
    alone = rate(lambda: run_alone(loaded, number), number)
    number = max(64, int(alone * seconds))
    alone = rate(lambda: run_alone(loaded, number), number)
    with service(model) as (host, port, process):
        url = f"http://{host}:{port}/predict"
        saturated = asyncio.run(saturate(url, contents, seconds))
        durations = asyncio.run(at_load(url, contents, alone / 2, seconds))
        outcome = attack(host, port, process, contents, requests)
        final = asyncio.run(saturate(url, contents, min(5.0, seconds)))
    p50, p99 = np.quantile(durations, (0.5, 0.99))
    typer.echo(f"| {loaded.config.backbone} | |\n|---|--:|")
    typer.echo(f"| ONNX Runtime alone, pictures a second | {alone:,.1f} |")
    typer.echo(f"| the service, {CLIENTS} connections | {saturated:,.1f} |")
    typer.echo(f"| of ONNX Runtime alone | {saturated / alone:.2f} |")
    typer.echo(
        f"| at half of ONNX Runtime's rate: median, 99th percentile | {p50 * 1000:,.0f} ms, {p99 * 1000:,.0f} ms |"
    )
    typer.echo(f"| {requests:,} hostile requests | {outcome} |")
    typer.echo(f"| the service after them | {final:,.1f} |")


if __name__ == "__main__":
    run(main, "serve", package="bench")
