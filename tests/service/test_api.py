"""The service as a process: requests made from its OpenAPI description, hostile ones, and its end by SIGTERM."""

import socket
import threading
import time
import urllib.request
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.image_factory import encode
from tests.support.page_browser import running_service
from tests.support.tiny_model import write_model

pytestmark = pytest.mark.slow
RED = encode(np.full((8, 8, 3), (200, 40, 40), np.uint8), "PNG")
BOUNDARY = "x"


def form(*contents: bytes) -> bytes:
    """The body of a request with these files."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{number}.png"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for number, content in enumerate(contents)
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def head(length: int, path: str = "/predict", more: str = "") -> bytes:
    """The beginning of a POST request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    with running_service(write_model(folder / "model"), folder / "log") as running:
        yield running


def predict(url: str, *contents: bytes) -> int:
    """The status of a correct request."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(f"{url}/predict", form(*contents), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.status


def send(url: str, content: bytes, wait: float = 2.0) -> bytes:
    """Send raw bytes, and return what comes back until the server closes or `wait` seconds have passed."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=wait) as connection:
        connection.sendall(content)
        received = b""
        try:
            while b"\r\n\r\n" not in received and (data := connection.recv(65536)):
                received += data
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize("examples", [10, pytest.param(100, marks=pytest.mark.exhaustive)])
def test_each_request_made_from_the_description_has_an_answer_that_it_describes(service, examples):
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 5
    for operation in operations:

        @settings(max_examples=examples)
        @given(case=operation.as_strategy())
        def validate(case):
            case.call_and_validate(
                excluded_checks=[positive_data_acceptance]
            )  # a file of the schema need not be a picture

        validate()


HOSTILE = {
    "a cut picture": head(len(form(RED[:40]))) + form(RED[:40]),
    "half a body": head(10_000) + form(RED)[:60],
    "no end of the form": head(len(form(RED)) - 8) + form(RED)[:-8],
    "a wrong length": head(5) + form(RED),
    "many parts": head(len(form(*[b"x"] * 500))) + form(*[b"x"] * 500),
    "huge headers": b"POST /predict HTTP/1.1\r\n" + b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n",
    "a huge declared length": head(10**12),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "no content": head(0),
    "a form in another encoding": head(len(form(RED)), more="Content-Encoding: gzip\r\n") + form(RED),
    "names that are no text": head(len(form(RED))) + form(RED).replace(b"0.png", b"\xff\xfe\x00\r\n"),
    "a path out of the page": b"GET /page/../../cli.py HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_after_a_hostile_request_the_service_answers(service, name):
    answer = send(service.url, HOSTILE[name])
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"serve_model" not in answer
    assert predict(service.url, RED) == 200


@pytest.mark.exhaustive
def test_hundreds_of_hostile_requests_leave_no_memory_behind(service):
    process = psutil.Process(service.process.pid)
    contents = list(HOSTILE.values())
    for content in contents * 3:
        send(service.url, content, 0.05)
    before = process.memory_info().rss
    for number in range(600):
        send(service.url, contents[number % len(contents)], 0.02)
    assert predict(service.url, RED) == 200
    assert process.memory_info().rss - before < 30_000_000
    assert process.num_fds() < 100


def test_a_client_that_sends_slowly_does_not_hold_up_others(service):
    parts = urlsplit(service.url)
    slow = [socket.create_connection((parts.hostname, parts.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(head(10_000) + b"--")
    start = time.monotonic()
    assert predict(service.url, RED) == 200
    assert time.monotonic() - start < 5
    for connection in slow:
        connection.close()


def test_sigterm_lets_the_service_answer_what_it_took(tmp_path):
    with running_service(write_model(tmp_path / "model"), tmp_path / "log") as running:
        large = encode(np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8), "PNG")
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(predict(running.url, *[large] * 4))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        running.process.terminate()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 6
        assert running.process.wait(40) in (0, -15)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert "0.png" not in (tmp_path / "log").read_text()
