"""Faulty answers to requests for pictures, and strange addresses of pictures."""

import gzip
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support import fault_server, webtoon_server
from tests.support.crawl_faults import (
    JPEG,
    crawl_at,
    picture_url,
    prepare,
    redirect,
    requested_hosts,
    status,
)
from tests.support.crawl_runs import episodes, metrics
from tests.support.fault_server import MEGABYTE, ZEROS, zipped
from tests.support.webtoon_server import IMAGES, Answer, Webtoons, episode, title
from webtoon_genre.data.images import BadImage, decode_rgb

TITLE = 20
PNG = b"\x89PNG\r\n\x1a\n"


# One crawl of all faults that leave the rest of a crawl intact; the tests below look at its outcome.


def picture_faults(port: str) -> dict[str, list[Answer]]:
    """Return the faults of a picture by name; `port` is a port of this machine that does not belong to the site."""
    error, large = Answer(status=500), 200 * MEGABYTE
    noise = gzip.compress(bytes(range(256)) * 4)
    return {
        "500 twice": [error, error, Answer(JPEG)],
        "503 always": [Answer(status=503)],
        "reset once": [Answer(raw=fault_server.reset_in(JPEG)), Answer(JPEG)],
        "reset in the body": [Answer(raw=fault_server.reset_in(JPEG))],
        "reset before the answer": [Answer(raw=fault_server.reset_at_once)],
        "too long a length": [
            Answer(JPEG, headers={"Content-Length": str(len(JPEG) + 50), "Connection": "close"}),
        ],
        "too short a length": [Answer(JPEG, headers={"Content-Length": "100", "Connection": "close"})],
        "no length": [Answer(raw=fault_server.send_raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + JPEG[:-100]))],
        "truncated gzip": [zipped(gzip.compress(JPEG)[:-100])],
        "no answer": [Answer(raw=fault_server.stall)],
        "incomplete answer": [Answer(raw=fault_server.stall_in(JPEG))],
        "drip": [Answer(raw=fault_server.drip(JPEG * 10))],
        "no HTTP": [Answer(raw=fault_server.send_raw(b"220 smtp.test ESMTP\r\n" * 9))],
        "page": [Answer(b"<html>sorry</html>", headers={"Content-Type": "image/jpeg"})],
        "JSON": [Answer(b'{"error": 1}', headers={"Content-Type": "image/jpeg"})],
        "nothing": [Answer(b"", headers={"Content-Type": "image/jpeg"})],
        "bomb": [zipped(ZEROS * 2)],
        "no gzip": [zipped(b"this is no gzip" * 9)],
        "noise in gzip": [zipped(noise)],
        "large": [Answer(raw=fault_server.flood(JPEG, large, chunked=False))],
        "large in chunks": [Answer(raw=fault_server.flood(JPEG, large, chunked=True))],
        "loop": [redirect(f"{IMAGES}/loop")],
        "chain": [redirect(f"{IMAGES}/chain/1")],
        "foreign": [redirect("http://elsewhere.test/1.jpg")],
        "loopback": [redirect(f"http://127.0.0.1:{port}/")],
        "localhost": [redirect(f"http://localhost:{port}/")],
        "private": [redirect("http://10.0.0.1/")],
        "metadata": [redirect("http://169.254.169.254/latest/meta-data/")],
        "IPv6 loopback": [redirect(f"http://[::1]:{port}/")],
        "file": [redirect("file:///etc/passwd")],
        "well": [Answer(PNG)],
    }


NUMBERS = {name: number for number, name in enumerate(picture_faults(""), 1)}


def fault_url(name: str) -> str:
    """Return the address of the picture with that fault."""
    return picture_url(NUMBERS[name], TITLE)


def fault_status(name: str) -> str:
    """Read the status of the picture with that fault."""
    return status(NUMBERS[name], TITLE)


def add_faults(site: Webtoons, port: str) -> None:
    """Add a title with all faults of pictures."""
    faults = picture_faults(port)
    site.add(title(TITLE, len(faults)))
    site.answers |= {fault_url(name): answers for name, answers in faults.items()}
    site.answers[f"{IMAGES}/loop"] = [redirect(fault_url("loop"))]
    site.answers |= {f"{IMAGES}/chain/{number}": [redirect(f"{IMAGES}/chain/{number + 1}")] for number in range(1, 40)}
    site.answers[f"{IMAGES}/chain/40"] = [Answer(JPEG)]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """That crawl: its folder, site and ended process, and another server of this machine."""
    folder = tmp_path_factory.mktemp("pictures")
    prepare(folder, retries=2, timeout=2.0)
    other = Webtoons()
    with webtoon_server.listen(other) as address, webtoon_server.serve() as site:
        add_faults(site, address.rpartition(":")[2])
        process = crawl_at(folder, site)
        assert process.returncode == 0, process.stderr
        yield SimpleNamespace(folder=folder, site=site, process=process, other=other)


@pytest.fixture
def faulty(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That crawl, with its folder as the working directory."""
    monkeypatch.chdir(outcome.folder)
    return outcome


def test_a_picture_that_follows_server_errors_is_stored(faulty):
    assert fault_status("500 twice") == "ok"
    assert fault_status("well") == "ok"


def test_a_permanent_server_error_is_counted_after_all_retries(faulty):
    assert fault_status("503 always") == "http_503"
    assert faulty.site.requests.count(fault_url("503 always")) == 3
    assert metrics()["failed"]["thumbnails"]["http_503"] == 1


def test_a_picture_that_follows_a_reset_connection_is_stored(faulty):
    assert fault_status("reset once") == "ok"


def test_a_connection_reset_in_the_body_at_each_attempt_is_counted(faulty):
    assert fault_status("reset in the body") == "cut_off"


def test_a_connection_reset_before_the_answer_at_each_attempt_is_counted(faulty):
    assert fault_status("reset before the answer") == "connection_lost"


def test_a_body_shorter_than_its_content_length_is_cut_off(faulty):
    assert fault_status("too long a length") == "cut_off"


@pytest.mark.parametrize("name", ["too short a length", "no length", "truncated gzip"])
def test_a_picture_truncated_without_a_sign_in_http_is_stored_as_served_and_rejected_by_resize(faulty, name):
    row = episodes().loc[(TITLE, NUMBERS[name])]
    [image] = [
        item["image"]
        for item in pq.read_table(f"data/raw/thumbnails/{TITLE}.parquet").to_pylist()
        if item["no"] == NUMBERS[name]
    ]
    assert (row["status"], row["bytes"]) == ("ok", len(image))
    assert JPEG.startswith(image)
    with pytest.raises(BadImage) as error:
        decode_rgb(image, str(TITLE), 1000)
    assert error.value.reason == "truncated"


def test_a_server_that_never_answers_is_a_timeout(faulty):
    assert fault_status("no answer") == "timeout"


def test_a_body_that_stops_before_its_end_is_a_timeout(faulty):
    assert fault_status("incomplete answer") == "timeout"


def test_a_body_that_drips_for_longer_than_the_timeout_is_a_timeout(faulty):
    assert fault_status("drip") == "timeout"


def test_an_answer_in_another_protocol_is_a_lost_connection(faulty):
    assert fault_status("no HTTP") == "connection_lost"


@pytest.mark.parametrize("name", ["page", "JSON", "nothing", "noise in gzip"])
def test_a_successful_answer_without_a_picture_is_not_an_image(faulty, name):
    assert fault_status(name) == "not_an_image"


def test_a_body_that_contradicts_its_content_encoding_is_counted(faulty):
    assert fault_status("no gzip") == "bad_encoding"


def test_a_picture_that_exceeds_the_limit_when_unpacked_is_too_large(faulty):
    assert fault_status("bomb") == "too_large"


@pytest.mark.parametrize("name", ["large", "large in chunks"])
def test_a_picture_larger_than_the_limit_is_too_large_and_is_not_read_to_its_end(faulty, name):
    assert fault_status(name) == "too_large"
    assert faulty.site.sent[fault_url(name)] < 30 * MEGABYTE  # of 200; the content of buffers


@pytest.mark.parametrize("name", ["loop", "chain"])
def test_endless_redirects_are_a_redirect_loop(faulty, name):
    assert fault_status(name) == "redirect_loop"


def test_a_chain_of_redirects_is_followed_twenty_times_at_most(faulty):
    assert len([url for url in faulty.site.requests if url.startswith(f"{IMAGES}/chain/")]) == 20


@pytest.mark.parametrize("name", ["foreign", "loopback", "localhost", "private", "metadata", "IPv6 loopback"])
def test_a_redirect_to_another_host_is_rejected_and_not_followed(faulty, name):
    assert fault_status(name) == "foreign_host"
    assert faulty.other.requests == []
    assert requested_hosts(faulty.site) == {"comic.test", "image.test"}


def test_a_redirect_to_a_file_is_not_followed(faulty):
    assert fault_status("file") == "http_302"


def test_oversized_pictures_are_never_in_memory(faulty):
    assert faulty.process.peak < 600 * MEGABYTE


def test_failed_pictures_log_no_traceback(faulty):
    assert {line.split(":")[0] for line in faulty.process.stderr.splitlines()} <= {"crawl"}


# A separate crawl for each fault that could end all of it.


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (redirect("http://[broken/1.jpg"), "bad_redirect"),
        (Answer(JPEG, headers={"Content-Encoding": "deflate"}), "bad_encoding"),
        (Answer(JPEG, headers={"Content-Encoding": "br"}), "bad_encoding"),
        (Answer(JPEG, headers={"Content-Encoding": "zstd"}), "bad_encoding"),
        (Answer(raw=fault_server.send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), "cut_off"),
    ],
    ids=["Location", "deflate", "br", "zstd", "chunks"],
)
def test_a_malformed_answer_fails_only_that_picture(site, crawl, answer, reason):
    site.add(title(10, 2))
    site.answers[picture_url(1, 10)] = [answer]
    process = crawl()
    assert process.returncode == 0, process.stderr
    assert (status(1, 10), status(2, 10)) == (reason, "ok")


ADDRESSES = {
    "": "foreign_host",
    "file:///etc/passwd": "foreign_host",
    "data:image/png;base64,iVBORw0KGgo=": "foreign_host",
    "//image.test/10/9.jpg": "foreign_host",
    "http://image.test:81/10/9.jpg": "foreign_host",
    "http://image.test@elsewhere.test/10/9.jpg": "foreign_host",
    "http://image.test\\@elsewhere.test/10/9.jpg": "foreign_host",
    f"{IMAGES}/../../10/9.jpg": "ok",
    f"{IMAGES}/10/\x00\ud800 9.jpg": "ok",
    f"{IMAGES}/10/[9].jpg#[": "ok",
    "HTTP://IMAGE.TEST/10/9.jpg": "ok",
    f"{IMAGES}/10/{'9' * 10_000}.jpg": "ok",
}


def test_strange_addresses_of_thumbnails_are_requested_or_counted(site, crawl, monkeypatch):
    strange = title(10, 0)
    strange["articles"] = [episode(10, no, thumbnailUrl=url) for no, url in enumerate(ADDRESSES, 1)]
    site.add(strange)
    monkeypatch.setattr(site, "thumbnail", lambda path: Answer(JPEG))
    process = crawl()
    assert process.returncode == 0, process.stderr
    assert episodes().loc[10, "status"].tolist() == list(ADDRESSES.values())
    assert requested_hosts(site) <= {"comic.test", "image.test", "IMAGE.TEST"}
