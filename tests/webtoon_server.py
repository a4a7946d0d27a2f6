"""A small server for tests that speaks the web API over loopback, as a forward proxy, and misbehaves where it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np

API, IMAGES = "http://comic.test", "http://image.test"
PAGE = 2  # titles or episodes a page


@dataclass
class Answer:
    """One HTTP answer; `held` answers wait until the event is set."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    held: threading.Event | None = None


def picture(title_id: int, no: int) -> bytes:
    """A JPEG that differs from that of any other episode."""
    pixels = np.full((12, 20, 3), (title_id % 250, no * 7 % 250, 90), np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def episode(title_id: int, no: int, **changes: Any) -> dict[str, Any]:
    """An item of an article list."""
    item = {
        "no": no,
        "thumbnailUrl": f"{IMAGES}/{title_id}/{no}.jpg",
        "subtitle": f"{no}화",
        "starScore": 9.5,
        "charge": False,
        "serviceDateDescription": f"22.01.{no:02}",
        "unheardOf": {"ignored": True},
    }
    return item | changes


def title(title_id: int, count: int, **changes: Any) -> dict[str, Any]:
    """A title with `count` episodes: what lists, its page and its article list say of it."""
    known = {
        "listed": {"titleId": title_id, "titleName": f"제목 {title_id}", "adult": False, "starScore": 9.1},
        "info": {
            "titleId": title_id,
            "author": {"writers": [{"id": 1, "name": "글"}], "painters": [{"id": 2, "name": "그림"}]},
            "age": {"type": "RATE_ALL"},
            "curationTagList": [{"curationType": "GENRE_PURE"}],
        },
        "articles": [episode(title_id, no) for no in range(1, count + 1)],
        "lists": ["PURE"],
    }
    return known | changes


class Webtoons:
    """What the server holds, and what it was asked for; `answers` (by address) go before, the last of them again and again."""

    def __init__(self) -> None:
        self.titles: dict[int, dict[str, Any]] = {}
        self.answers: dict[str, list[Answer]] = {f"{host}/robots.txt": [Answer(status=404)] for host in (API, IMAGES)}
        self.asked: list[str] = []
        self.refused: list[str] = []
        self.proxy = ""

    def add(self, *titles: dict[str, Any]) -> None:
        """Publish titles."""
        self.titles |= {item["listed"]["titleId"]: item for item in titles}

    def pictures_asked(self) -> list[str]:
        """The thumbnails that were asked for, in order of address."""
        return sorted(url for url in self.asked if url.startswith(IMAGES) and not url.endswith("robots.txt"))

    def answer(self, url: str, referer: str) -> Answer:
        """What is sent for an address."""
        self.asked.append(url)
        if planned := self.answers.get(url):
            return planned.pop(0) if len(planned) > 1 else planned[0]
        parts = urlsplit(url)
        if url.startswith(IMAGES):
            return self.thumbnail(parts.path) if referer == f"{API}/" else Answer(status=403)
        return self.api(parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()})

    def thumbnail(self, path: str) -> Answer:
        """The picture at /title/no.jpg."""
        title_id, no = path.removesuffix(".jpg").strip("/").split("/")
        return Answer(picture(int(title_id), int(no)))

    def api(self, path: str, query: dict[str, str]) -> Answer:
        """The API's JSON."""
        if path == "/api/webtoon/titlelist/genre":
            listed = [item["listed"] for item in self.titles.values() if query["genre"] in item["lists"]]
            return page("titleList", listed, int(query["page"]))
        item = self.titles[int(query["titleId"])]
        if path == "/api/article/list/info":
            return Answer(json.dumps(item["info"]).encode())
        assert (path, query["sort"]) == ("/api/article/list", "ASC")
        return page("articleList", item["articles"], int(query["page"]))


def page(key: str, items: list[Any], number: int) -> Answer:
    """One page of a list."""
    following = number + 1 if number * PAGE < len(items) else 0
    answer = {key: items[(number - 1) * PAGE : number * PAGE], "pageInfo": {"page": number, "nextPage": following}}
    return Answer(json.dumps(answer).encode())


class Handler(BaseHTTPRequestHandler):
    """Sends what Webtoons answers."""

    protocol_version = "HTTP/1.1"
    site: Webtoons

    def do_GET(self) -> None:
        answer = self.site.answer(self.path, self.headers.get("Referer", ""))
        if answer.held:
            answer.held.wait(60)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(answer.body), answer.body) if answer.chunked else answer.body)

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Quiet about clients that are killed."""

    def handle_error(self, *arguments: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Webtoons]:
    """A running server and what it holds."""
    site = Webtoons()
    server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"site": site}))
    site.proxy = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
