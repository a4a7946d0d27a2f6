"""A small server for tests that speaks the web API over loopback, as a forward proxy or as the hosts themselves, and misbehaves
where it is told to.
"""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
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
    """One HTTP answer; `held` answers wait until the event is set, `slow` ones that many seconds, `raw` ones write for themselves.

    A header's value may be a function that is called when the answer is sent.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str | Callable[[], str]] = field(default_factory=dict)
    chunked: bool = False
    held: threading.Event | None = None
    slow: float = 0.0
    raw: "Callable[[Handler], None] | None" = None


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
    """What the server holds, and what it was asked for; `answers` (by address) go before, the last of them again and again.

    `times` are those of time.monotonic() at which `asked` came; `most` is the largest number of requests to a host that waited for
    an answer at once; `sent` is filled by raw answers. `names` are the hosts' own addresses where they are asked directly.
    """

    def __init__(self) -> None:
        self.titles: dict[int, dict[str, Any]] = {}
        self.answers: dict[str, list[Answer]] = {f"{host}/robots.txt": [Answer(status=404)] for host in (API, IMAGES)}
        self.asked: list[str] = []
        self.times: list[float] = []
        self.agents: set[str] = set()
        self.sent: dict[str, int] = {}
        self.most: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.names: dict[str, str] = {}
        self.slow = 0.0
        self.proxy = ""

    def add(self, *titles: dict[str, Any]) -> None:
        """Publish titles."""
        self.titles |= {item["listed"]["titleId"]: item for item in titles}

    def pictures_asked(self) -> list[str]:
        """The thumbnails that were asked for, in order of address."""
        return sorted(url for url in self.asked if url.startswith(IMAGES) and not url.endswith("robots.txt"))

    def asked_at(self, host: str) -> list[float]:
        """When `host` was asked for anything, robots.txt included."""
        return [when for when, url in zip(self.times, self.asked, strict=True) if url.startswith(f"{host}/")]

    @contextmanager
    def under_way(self, url: str) -> Iterator[None]:
        """Count a request as waiting for its answer."""
        host = urlsplit(url).netloc
        with self.lock:
            self.asked.append(url)
            self.times.append(time.monotonic())
            self.waiting[host] += 1
            self.most[host] = max(self.most[host], self.waiting[host])
        try:
            yield
        finally:
            with self.lock:
                self.waiting[host] -= 1

    def answer(self, url: str, referer: str) -> Answer:
        """What is sent for an address."""
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
        if path == "/api/webtoon/titlelist/weekday":
            listed = [item["listed"] for item in self.titles.values() if query["week"] in item["lists"]]
            return Answer(json.dumps({"titleList": listed}).encode())
        if path == "/api/webtoon/titlelist/finished":
            listed = [item["listed"] for item in self.titles.values() if "finished" in item["lists"]]
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
    """Sends what Webtoons answers; with an `origin` it is that host, otherwise a proxy of all."""

    protocol_version = "HTTP/1.1"
    site: Webtoons
    origin = ""

    def do_GET(self) -> None:
        self.url = self.origin + self.path
        self.site.agents.add(self.headers.get("User-Agent", ""))
        with self.site.under_way(self.url):
            answer = self.site.answer(self.url, self.renamed(self.headers.get("Referer", ""), back=True))
            if answer.held:
                answer.held.wait(60)
            if seconds := answer.slow or self.site.slow:
                time.sleep(seconds)
        if answer.raw:
            self.close_connection = True
            answer.raw(self)
            return
        self.send(answer)

    def send(self, answer: Answer) -> None:
        """Send a well-formed answer."""
        body = self.renamed(answer.body.decode("latin-1")).encode("latin-1")
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, self.renamed(value() if callable(value) else value))
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if answer.chunked else body)

    def renamed(self, text: str, back: bool = False) -> str:
        """`text` with the hosts' own addresses in place of API and IMAGES, or `back`."""
        for name, address in self.site.names.items():
            text = text.replace(address, name) if back else text.replace(name, address)
        return text

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Quiet about clients that are killed."""

    request_queue_size = 50

    def handle_error(self, *arguments: Any) -> None:
        pass


@contextmanager
def listening(site: Webtoons, origin: str = "", tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A running server of `site` and its address: a forward proxy, or the host `origin`, with TLS if asked."""
    server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"site": site, "origin": origin}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    finally:
        site.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving() -> Iterator[Webtoons]:
    """A running proxy and what it holds."""
    site = Webtoons()
    with listening(site) as site.proxy:
        yield site


@contextmanager
def serving_directly(tls: ssl.SSLContext | None = None) -> Iterator[Webtoons]:
    """Two running servers, which are the hosts themselves, and what they hold; their addresses are `names`."""
    site = Webtoons()
    with listening(site, API, tls) as site.names[API], listening(site, IMAGES, tls) as site.names[IMAGES]:
        yield site
