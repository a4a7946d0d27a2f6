"""A loopback server of files with Range, ETag and faults on order: it breaks off, is busy, forgets ranges, changes a file."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Shelf:
    """What is served, by path, and how; `seen` has the Range header of each request, or None."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.kind = "application/octet-stream"
        self.etag = '"one"'
        self.ranges = True  # False: every answer is the whole file
        self.statuses: list[tuple[int, dict[str, str]]] = []  # answered first, one a request
        self.pieces: list[int] = []  # bytes after which an answer breaks off, one an answer, the last for all others
        self.slow = 0.0  # seconds before the last byte of an answer
        self.seen: list[str | None] = []
        self.url = ""


def handler(shelf: Shelf) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            shelf.seen.append(self.headers["Range"])
            if shelf.statuses:
                return self.answer(*shelf.statuses.pop(0), b"")
            if self.path not in shelf.files:
                return self.answer(404, {}, b"")
            data, begin = shelf.files[self.path], self.begin()
            if begin >= len(data) > 0:
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
            return self.answer(206 if begin else 200, self.headings(begin, len(data)), data[begin:])

        def begin(self) -> int:
            asked, known = self.headers["Range"], self.headers["If-Range"]
            if not asked or not shelf.ranges or (known and known != shelf.etag):
                return 0
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def headings(self, begin: int, total: int) -> dict[str, str]:
            headings = {"Content-Type": shelf.kind}
            if shelf.etag:
                headings["ETag"] = shelf.etag
            if begin:
                headings["Content-Range"] = f"bytes {begin}-{total - 1}/{total}"
            return headings

        def answer(self, status: int, headings: dict[str, str], body: bytes):
            self.send_response(status)
            for key, value in {**headings, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body and shelf.pieces:
                body = body[: shelf.pieces.pop(0) if len(shelf.pieces) > 1 else shelf.pieces[0]]
            with contextlib.suppress(ConnectionError):  # a client that was killed
                self.wfile.write(body[:-1])
                time.sleep(shelf.slow)
                self.wfile.write(body[-1:])

    return Handler


@contextmanager
def serving() -> Iterator[Shelf]:
    """A shelf, served on a free port of loopback while the block runs."""
    shelf = Shelf()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(shelf))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield shelf
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
