"""A small server with the web API over loopback, as a forward proxy or as the hosts themselves, with faults that tests configure."""

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
PAGE_SIZE = 2  # titles or episodes a page


@dataclass
class Answer:
    """One HTTP answer: it waits for the event `gate`, or `delay` seconds; `raw` writes to the connection instead.

    A header's value may be a function, which is called when the answer is sent.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str | Callable[[], str]] = field(default_factory=dict)
    chunked: bool = False
    gate: threading.Event | None = None
    delay: float = 0.0
    raw: "Callable[[Handler], None] | None" = None


def picture(title_id: int, no: int) -> bytes:
    """Return a JPEG that differs from that of any other episode."""
    pixels = np.full((12, 20, 3), (title_id % 250, no * 7 % 250, 90), np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def episode(title_id: int, no: int, **changes: Any) -> dict[str, Any]:
    """Return an item of an article list."""
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
    """Return a title with `count` episodes: its item in lists, its page and its article list."""
    parts = {
        "item": {"titleId": title_id, "titleName": f"제목 {title_id}", "adult": False, "starScore": 9.1},
        "info": {
            "titleId": title_id,
            "author": {"writers": [{"id": 1, "name": "글"}], "painters": [{"id": 2, "name": "그림"}]},
            "age": {"type": "RATE_ALL"},
            "curationTagList": [{"curationType": "GENRE_PURE"}],
        },
        "articles": [episode(title_id, no) for no in range(1, count + 1)],
        "lists": ["PURE"],
    }
    return parts | changes


class Webtoons:
    """The server's titles and a log of its requests; `answers` by address have priority, and the last one repeats.

    `times` are the times of `requests`, of time.monotonic(). `peaks` are the largest numbers of simultaneous requests by host. Raw
    answers fill `sent`. `names` are the real addresses of the hosts where no proxy is used.
    """

    def __init__(self) -> None:
        self.titles: dict[int, dict[str, Any]] = {}
        self.answers: dict[str, list[Answer]] = {f"{host}/robots.txt": [Answer(status=404)] for host in (API, IMAGES)}
        self.requests: list[str] = []
        self.times: list[float] = []
        self.agents: set[str] = set()
        self.sent: dict[str, int] = {}
        self.peaks: Counter[str] = Counter()
        self.pending: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.names: dict[str, str] = {}
        self.delay = 0.0
        self.proxy = ""

    def add(self, *titles: dict[str, Any]) -> None:
        """Publish titles."""
        self.titles |= {title["item"]["titleId"]: title for title in titles}

    def picture_requests(self) -> list[str]:
        """Return the requests for thumbnails, in order of address."""
        return sorted(url for url in self.requests if url.startswith(IMAGES) and not url.endswith("robots.txt"))

    def request_times(self, host: str) -> list[float]:
        """Return the times of all requests to `host`, robots.txt included."""
        return [moment for moment, url in zip(self.times, self.requests, strict=True) if url.startswith(f"{host}/")]

    @contextmanager
    def track(self, url: str) -> Iterator[None]:
        """Log a request, and count it as pending for the duration of the block."""
        host = urlsplit(url).netloc
        with self.lock:
            self.requests.append(url)
            self.times.append(time.monotonic())
            self.pending[host] += 1
            self.peaks[host] = max(self.peaks[host], self.pending[host])
        try:
            yield
        finally:
            with self.lock:
                self.pending[host] -= 1

    def answer(self, url: str, referer: str) -> Answer:
        """Return the answer to a request."""
        if planned := self.answers.get(url):
            return planned.pop(0) if len(planned) > 1 else planned[0]
        parts = urlsplit(url)
        if url.startswith(IMAGES):
            return self.thumbnail(parts.path) if referer == f"{API}/" else Answer(status=403)
        return self.api(parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()})

    def thumbnail(self, path: str) -> Answer:
        """Return the picture at /title/no.jpg."""
        title_id, no = path.removesuffix(".jpg").strip("/").split("/")
        return Answer(picture(int(title_id), int(no)))

    def api(self, path: str, query: dict[str, str]) -> Answer:
        """Return the API's JSON."""
        if path == "/api/webtoon/titlelist/genre":
            items = [title["item"] for title in self.titles.values() if query["genre"] in title["lists"]]
            return page("titleList", items, int(query["page"]))
        if path == "/api/webtoon/titlelist/weekday":
            items = [title["item"] for title in self.titles.values() if query["week"] in title["lists"]]
            return Answer(json.dumps({"titleList": items}).encode())
        if path == "/api/webtoon/titlelist/finished":
            items = [title["item"] for title in self.titles.values() if "finished" in title["lists"]]
            return page("titleList", items, int(query["page"]))
        item = self.titles[int(query["titleId"])]
        if path == "/api/article/list/info":
            return Answer(json.dumps(item["info"]).encode())
        assert (path, query["sort"]) == ("/api/article/list", "ASC")
        return page("articleList", item["articles"], int(query["page"]))


def page(key: str, items: list[Any], number: int) -> Answer:
    """Return one page of a list."""
    following = number + 1 if number * PAGE_SIZE < len(items) else 0
    answer = {
        key: items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        "pageInfo": {"page": number, "nextPage": following},
    }
    return Answer(json.dumps(answer).encode())


class Handler(BaseHTTPRequestHandler):
    """Sends the answers of Webtoons, as the host `origin` or, without one, as a proxy of all hosts."""

    protocol_version = "HTTP/1.1"
    site: Webtoons
    origin = ""

    def do_GET(self) -> None:
        self.url = self.origin + self.path
        self.site.agents.add(self.headers.get("User-Agent", ""))
        with self.site.track(self.url):
            answer = self.site.answer(self.url, self.rename_hosts(self.headers.get("Referer", ""), back=True))
            if answer.gate:
                answer.gate.wait(60)
            if seconds := answer.delay or self.site.delay:
                time.sleep(seconds)
        if answer.raw:
            self.close_connection = True
            answer.raw(self)
            return
        self.send(answer)

    def send(self, answer: Answer) -> None:
        """Send a well-formed answer."""
        body = self.rename_hosts(answer.body.decode("latin-1")).encode("latin-1")
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, self.rename_hosts(value() if callable(value) else value))
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if answer.chunked else body)

    def rename_hosts(self, text: str, back: bool = False) -> str:
        """Replace API and IMAGES in `text` by the hosts' real addresses, or the other way round with `back`."""
        for name, address in self.site.names.items():
            text = text.replace(address, name) if back else text.replace(name, address)
        return text

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Reports no errors of killed clients."""

    request_queue_size = 50

    def handle_error(self, *arguments: Any) -> None:
        pass


@contextmanager
def listen(site: Webtoons, origin: str = "", tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server of `site` and yield its address: a forward proxy, or the host `origin`, optionally with TLS."""
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
def serve() -> Iterator[Webtoons]:
    """Run a proxy and yield its site."""
    site = Webtoons()
    with listen(site) as site.proxy:
        yield site


@contextmanager
def serve_directly(tls: ssl.SSLContext | None = None) -> Iterator[Webtoons]:
    """Run one server for each host, without a proxy, and yield their site; their addresses are `names`."""
    site = Webtoons()
    with listen(site, API, tls) as site.names[API], listen(site, IMAGES, tls) as site.names[IMAGES]:
        yield site
