"""One large file over HTTP: with progress, resumed where it broke off, tried again, checked; it knows nothing of what is in the file.

pooch checks the checksum and puts a right file in its place; requests and urllib3 carry the bytes. What has come so far stays
in the folder as HASH.part, beside the server's name for that version (HASH.version), so that a killed process goes on.
"""

import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webtoon_genre.core.progress import Meter

if TYPE_CHECKING:
    import requests

RETRIES = 5  # in a row without a byte more
BACKOFF = 1.0  # seconds before the second try; twice as long before each further one
LONGEST_WAIT = 120  # seconds, whatever a server's Retry-After asks for
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 16  # bytes; what of one has come is lost when an answer breaks off
MB = 10**6
log = logging.getLogger(__name__)


class DownloadError(Exception):
    """A file that could not be had; its message is the reason, in one line."""


class BrokenOffError(Exception):
    """An answer that ended before its end."""


def fetch(url: str, known_hash: str, folder: Path, what: str) -> Path:
    """The file at `url`, in `folder`, right by `known_hash` (md5:... or sha256:...); `what` names the progress."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    name = known_hash.replace(":", "-").lower()
    downloader = partial(deliver, part=folder / f"{name}.part", what=what)
    try:
        return Path(pooch.retrieve(url, known_hash, fname=name, path=folder, downloader=downloader))
    except ValueError as error:  # a wrong checksum, or no URL; pooch has deleted the file
        raise DownloadError(one_line(error).partition(" Deleted download")[0]) from None
    except requests.RequestException as error:
        raise DownloadError(one_line(error)[:200]) from None


def one_line(error: Exception) -> str:
    """An error's text without line breaks; of urllib3's "Max retries exceeded" what it was that failed."""
    inner = getattr(error.args[0], "reason", None) if error.args else None
    return " ".join(str(inner or error).split())


def deliver(url: str, output_file: str, _pooch: Any, *, part: Path, what: str) -> None:
    """What pooch asks of a downloader: leave the whole file at `output_file`; until it is whole, it grows at `part`."""
    meter = Meter(0, what, "MB")
    try:
        with session() as web:
            complete(web, url, part, meter)
    finally:
        meter.close()
    version_of(part).unlink(missing_ok=True)
    part.replace(output_file)


def session() -> "requests.Session":
    """A session that asks again, ever more slowly, after 429, 5xx and failed connections, and heeds Retry-After."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retry = Retry(
        RETRIES,
        backoff_factor=BACKOFF,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
        retry_after_max=LONGEST_WAIT,
    )
    web = requests.Session()
    for scheme in ("http://", "https://"):
        web.mount(scheme, HTTPAdapter(max_retries=retry))
    return web


def complete(web: "requests.Session", url: str, part: Path, meter: Meter) -> None:
    """Receive until `part` is whole; give up when several tries in a row bring nothing new."""
    reached, failures = size(part), 0
    while True:
        try:
            receive(web, url, part, meter)
        except BrokenOffError as error:
            failures = 0 if size(part) > reached else failures + 1
            reached = max(reached, size(part))
            if failures >= RETRIES:
                raise DownloadError(f"it breaks off after {reached:,} bytes: {error}") from None
            wait = min(BACKOFF * 2**failures, LONGEST_WAIT)
            log.info(f"{url} broke off after {reached:,} bytes; going on in {wait:g} s")
            time.sleep(wait)
        else:
            return


def receive(web: "requests.Session", url: str, part: Path, meter: Meter) -> None:
    """One request: append what is missing to `part`, or begin anew where the server does not go on from there."""
    with web.get(url, headers=conditions(part), stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code != 416:
            answer.raise_for_status()
            refuse_pages(answer)
            store(answer, part, meter)
        elif answer.headers.get("Content-Range") != f"bytes */{size(part)}":  # the part is not all of the file
            part.unlink()
            raise BrokenOffError("it has less than was there before")


def store(answer: "requests.Response", part: Path, meter: Meter) -> None:
    """Write the answer's bytes to `part`: after those that it has if the server goes on from there, else in their place."""
    import requests

    begin = size(part) if answer.status_code == 206 else 0
    version_of(part).write_text(version(answer), encoding="utf-8")
    meter.total = (begin + int(answer.headers.get("Content-Length", 0))) // MB
    with part.open("ab" if begin else "wb") as file:
        try:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                meter.step(file.tell() // MB - meter.done)
        except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
            raise BrokenOffError(one_line(error)[:120]) from None


def refuse_pages(answer: "requests.Response") -> None:
    """A web page in place of the file (a login, a notice) is told from it before it is downloaded."""
    if (kind := answer.headers.get("Content-Type", "")).startswith("text/html"):
        raise DownloadError(f"it answered with a web page, Content-Type {kind}")


def conditions(part: Path) -> dict[str, str]:
    """Headers that ask for what `part` lacks, if the file is still the one that it began with; bytes as they are, not compressed."""
    headers = {"Accept-Encoding": "identity"}
    if size(part):
        headers["Range"] = f"bytes={size(part)}-"
        if known := version_of(part).read_text(encoding="utf-8") if version_of(part).exists() else "":
            headers["If-Range"] = known
    return headers


def version(answer: "requests.Response") -> str:
    """What names this version of the file: a strong ETag or the date of change; "" if the server gives neither."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def version_of(part: Path) -> Path:
    """The file beside `part` that names the version."""
    return part.with_suffix(".version")


def size(part: Path) -> int:
    """Bytes there are of it."""
    return part.stat().st_size if part.exists() else 0
