"""Answers that violate HTTP or never end, for tests/support/webtoon_server.py; each writes to the connection directly."""

import gzip
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from tests.support.webtoon_server import Answer, Handler

MEGABYTE = 10**6
ZEROS = gzip.compress(bytes(100 * MEGABYTE))  # 97 kB; a gzip file may consist of several such members


def zipped(body: bytes, headers: dict[str, Any] | None = None) -> Answer:
    """Return an answer with a gzip body."""
    return Answer(body, headers={"Content-Encoding": "gzip", **(headers or {})})


def as_json(value: Any) -> Answer:
    """Return a JSON answer; NaN and Infinity are written in Python's form."""
    return Answer(json.dumps(value).encode())


def reset_connection(handler: Handler) -> None:
    """Reset the connection: RST, not FIN."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.connection.close()


def send_head(handler: Handler, *headers: str) -> None:
    """Send a status line and headers."""
    lines = ("HTTP/1.1 200 OK", "Content-Type: image/jpeg", *headers)
    handler.wfile.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")


def reset_at_once(handler: Handler) -> None:
    """Read the request and reset the connection."""
    reset_connection(handler)


def reset_in(body: bytes) -> Callable[[Handler], None]:
    """Send half of `body` and reset the connection."""

    def reset(handler: Handler) -> None:
        send_head(handler, f"Content-Length: {len(body)}")
        handler.wfile.write(body[: len(body) // 2])
        time.sleep(0.05)
        reset_connection(handler)

    return reset


def stall(handler: Handler) -> None:
    """Never answer."""
    handler.site.closing.wait(60)


def stall_in(body: bytes) -> Callable[[Handler], None]:
    """Send half of `body` and keep the connection open."""

    def stop(handler: Handler) -> None:
        send_head(handler, f"Content-Length: {len(body)}")
        handler.wfile.write(body[: len(body) // 2])
        stall(handler)

    return stop


def drip(body: bytes) -> Callable[[Handler], None]:
    """Send one byte at a time with short pauses."""

    def send(handler: Handler) -> None:
        send_head(handler, f"Content-Length: {len(body)}")
        for index in range(len(body)):
            handler.wfile.write(body[index : index + 1])
            if handler.site.closing.wait(0.05):
                return

    return send


def flood(first: bytes, size: int, chunked: bool) -> Callable[[Handler], None]:
    """Send `first` and zeros, `size` bytes in all; `sent` of the site counts the bytes that the client accepted."""

    def send(handler: Handler) -> None:
        handler.site.sent[handler.url] = 0
        send_head(handler, "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}")
        block = first + bytes(65_536 - len(first))
        frame = b"%x\r\n%b\r\n" % (len(block), block) if chunked else block
        for _ in range(size // len(block)):
            handler.wfile.write(frame)
            handler.site.sent[handler.url] += len(block)

    return send


def send_raw(data: bytes) -> Callable[[Handler], None]:
    """Send `data` as it is, and close the connection."""

    def send(handler: Handler) -> None:
        handler.wfile.write(data)

    return send
