"""A loopback server of files, with a content type and busy answers on order."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class WeightsServer:
    """Served files by path, and how they are served; `requests` counts all requests."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.content_type = "application/octet-stream"
        self.busy = 0  # requests that get 503 before the first file
        self.missing = 0  # bytes that an answer lacks of its Content-Length: the connection breaks
        self.requests = 0
        self.url = ""


def handler(state: WeightsServer) -> type[BaseHTTPRequestHandler]:
    """A request handler that answers as `state` says."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            state.requests += 1
            if state.requests <= state.busy:
                return self.answer(503, b"")
            if self.path not in state.files:
                return self.answer(404, b"")
            return self.answer(200, state.files[self.path])

        def answer(self, status: int, body: bytes):
            self.send_response(status)
            self.send_header("Content-Type", state.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - state.missing])

    return Handler


@contextmanager
def serve_weights() -> Iterator[WeightsServer]:
    """Serve files on a free port of loopback while the block runs."""
    state = WeightsServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(state))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
