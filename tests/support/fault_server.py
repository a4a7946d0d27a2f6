"""Answers that break HTTP or never end, for tests/support/webtoon_server.py: each writes to the connection itself."""

import gzip
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from tests.support.webtoon_server import Answer, Handler

MEGABYTE = 10**6
ZEROS = gzip.compress(bytes(100 * MEGABYTE))  # 97 kB; gzip allows several such one after the other


def zipped(body: bytes, headers: dict[str, Any] | None = None) -> Answer:
    """An answer whose body is gzip already."""
    return Answer(body, headers={"Content-Encoding": "gzip", **(headers or {})})


def as_json(value: Any) -> Answer:
    """A JSON answer; NaN and Infinity are written as Python does."""
    return Answer(json.dumps(value).encode())


def hang_up(handler: Handler) -> None:
    """Reset the connection, which is RST and no FIN."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.connection.close()


def head(handler: Handler, *headers: str) -> None:
    """Send a status line and headers."""
    lines = ("HTTP/1.1 200 OK", "Content-Type: image/jpeg", *headers)
    handler.wfile.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")


def reset_at_once(handler: Handler) -> None:
    """Read the request and reset."""
    hang_up(handler)


def reset_in(body: bytes) -> Callable[[Handler], None]:
    """Reset in mid-body."""

    def reset(handler: Handler) -> None:
        head(handler, f"Content-Length: {len(body)}")
        handler.wfile.write(body[: len(body) // 2])
        time.sleep(0.05)
        hang_up(handler)

    return reset


def stall(handler: Handler) -> None:
    """Never answer."""
    handler.site.closing.wait(60)


def stall_in(body: bytes) -> Callable[[Handler], None]:
    """Stop in mid-body, without hanging up."""

    def stop(handler: Handler) -> None:
        head(handler, f"Content-Length: {len(body)}")
        handler.wfile.write(body[: len(body) // 2])
        stall(handler)

    return stop


def drip(body: bytes) -> Callable[[Handler], None]:
    """Send a byte at a time, without a long pause and without an end in sight."""

    def send(handler: Handler) -> None:
        head(handler, f"Content-Length: {len(body)}")
        for place in range(len(body)):
            handler.wfile.write(body[place : place + 1])
            if handler.site.closing.wait(0.05):
                return

    return send


def flood(first: bytes, size: int, chunked: bool) -> Callable[[Handler], None]:
    """Send `first` and zeros, `size` bytes in all; `sent` of the site tells how many the client let through."""

    def send(handler: Handler) -> None:
        handler.site.sent[handler.url] = 0
        head(handler, "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}")
        block = first + bytes(65_536 - len(first))
        framed = b"%x\r\n%b\r\n" % (len(block), block) if chunked else block
        for _ in range(size // len(block)):
            handler.wfile.write(framed)
            handler.site.sent[handler.url] += len(block)

    return send


def says(data: bytes) -> Callable[[Handler], None]:
    """Send `data` as it is, and hang up."""

    def say(handler: Handler) -> None:
        handler.wfile.write(data)

    return say
