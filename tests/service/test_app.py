"""webtoon_genre/service: endpoints, their limits and refusals, batches, and documentation that needs no other site."""

import base64
import io
import tempfile
import threading
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.support.image_factory import encode
from tests.support.tiny_model import CLASSES, head, write_model
from webtoon_genre.inference.model import load_model
from webtoon_genre.service.app import create_app
from webtoon_genre.service.uploads import Limits

RED, GREEN = (encode(np.full((8, 8, 3), colour, np.uint8), "PNG") for colour in ((200, 40, 40), (40, 200, 40)))
ENDPOINTS = ["/predict", "/similar", "/explain"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(write_model(tmp_path_factory.mktemp("service") / "model"))


def new_client(model, **limits) -> TestClient:
    return TestClient(create_app(model, head(), Limits(**limits)), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(model):
    with new_client(model) as client:
        yield client


def files(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (f"{number}.png", content)) for number, content in enumerate(contents)]


def test_predictions_are_those_of_the_model_in_order(client, model):
    answers = client.post("/predict", files=files(RED, GREEN)).json()["predictions"]
    assert [answer["picture"] for answer in answers] == ["0.png", "1.png"]
    expected = model.predict([RED, GREEN])
    for answer, prediction in zip(answers, expected, strict=True):
        assert answer["genre"] == prediction.genre
        assert answer["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-5)
        assert answer["distance"] == pytest.approx(prediction.distance, abs=1e-5)


def test_an_unreadable_picture_among_others_has_its_reason(client):
    answers = client.post("/predict", files=files(RED, b"text")).json()["predictions"]
    assert answers[0]["error"] is None
    assert answers[1]["error"] == "4 bytes starting b'text' are no JPEG, PNG, WebP or GIF"


def test_similar_titles_come_the_nearest_first(client):
    (picture,) = client.post("/similar?number=2", files=files(RED)).json()["pictures"]
    assert [title["title"] for title in picture["titles"]] == ["Red", "Green"]


def test_heat_maps_are_pngs_of_the_model_s_size(client):
    answer = client.post("/explain", files=files(RED)).json()
    assert [heat["label"] for heat in answer["heat"]] == CLASSES[:2]
    kind, data = answer["heat"][0]["image"].split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (8, 8)


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    ("request_options", "status"),
    [
        ({"files": [("files", ("a.png", b"text"))]}, 422),
        ({"files": [("other", ("a.png", RED))]}, 422),
        ({"data": {"files": "text"}}, 415),
        ({"content": RED, "headers": {"content-type": "image/png"}}, 415),
        ({"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"files": [("files", (f"{number}", RED)) for number in range(33)]}, 413),
    ],
    ids=["no picture", "no file", "no form", "a picture as body", "no boundary", "too many files"],
)
def test_each_kind_of_bad_request_has_its_status_and_a_reason(client, path, request_options, status):
    answer = client.post(path, **request_options)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_too_many_bytes_are_refused(model):
    with new_client(model, bytes=1000, request_bytes=4000) as client:
        large = encode(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8), "PNG")
        assert 1000 < len(large) < 4000
        assert client.post("/predict", files=files(large)).status_code == 413
        assert client.post("/predict", files=files(RED * 100)).status_code == 413
        chunks = (b"x" * 1000 for _ in range(10))
        answer = client.post(
            "/predict", content=chunks, headers={"content-type": "multipart/form-data; boundary=x"}
        )  # without a declared length
        assert answer.status_code == 413
        assert client.post("/predict", files=files(RED)).status_code == 200


def test_too_many_pixels_are_refused_before_they_are_decoded(client):
    bomb = encode(Image.new("1", (20_000, 20_000)), "PNG")
    answer = client.post("/predict", files=files(bomb))
    assert answer.status_code == 422
    assert "are more than 1000000" in answer.json()["detail"]


class Slow:
    """A model that waits, and notes the sizes of its batches."""

    def __init__(self, model):
        self.model, self.sizes, self.go, self.entered = model, [], threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self.model, name)

    def predict_batch(self, pictures):
        self.entered.set()
        self.go.wait(10)
        self.sizes.append(len(pictures))
        return self.model.predict_batch(pictures)


def in_threads(client, number: int, statuses: list[int]) -> list[threading.Thread]:
    """So many requests at once; their statuses go to the list."""
    threads = [
        threading.Thread(target=lambda: statuses.append(client.post("/predict", files=files(RED)).status_code))
        for _ in range(number)
    ]
    for thread in threads:
        thread.start()
    return threads


def fill(client, slow: Slow, waiting: int) -> tuple[list[threading.Thread], list[int]]:
    """One request in the model and so many in the queue: their threads, and the list to which their statuses go."""
    statuses: list[int] = []
    threads = in_threads(client, 1, statuses)
    assert slow.entered.wait(10)
    threads += in_threads(client, waiting, statuses)
    wait_for(lambda: client.app.state.service.batcher.waiting == waiting)
    return threads, statuses


def wait_for(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_requests_that_wait_together_share_a_batch(model):
    slow = Slow(model)
    with new_client(slow) as client:
        threads, statuses = fill(client, slow, 8)
        slow.go.set()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 9
    assert sorted(slow.sizes) == [1, 8]


@pytest.mark.parametrize(("limit", "status"), [({"waiting": 3}, 503), ({"client": 4}, 429)])
def test_a_full_queue_refuses_more_and_answers_what_it_took(model, limit, status):
    slow = Slow(model)
    with new_client(slow, **limit) as client:
        threads, statuses = fill(client, slow, 3)
        answer = client.post("/predict", files=files(RED))
        assert answer.status_code == status
        assert answer.headers["Retry-After"] == "1"
        slow.go.set()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 4
        assert client.post("/predict", files=files(RED)).status_code == 200


def test_an_error_in_the_model_is_500_and_the_service_goes_on(model):
    class Broken(Slow):
        def predict_batch(self, pictures):
            if not self.sizes:
                self.sizes.append(0)
                raise RuntimeError("broken")
            return self.model.predict_batch(pictures)

    with new_client(Broken(model)) as client:
        assert client.post("/predict", files=files(RED)).status_code == 500
        assert client.post("/predict", files=files(RED)).status_code == 200


def test_health_and_metrics(model):
    with new_client(model) as client:
        assert client.get("/health").json() == {"status": "ok", "backbone": "resnet50", "classes": CLASSES}
        client.post("/predict", files=files(RED, b"text"))
        text = client.get("/metrics").text
    assert 'requests_total{path="/predict",status="200"} 1.0' in text
    assert 'pictures_total{outcome="unreadable"} 1.0' in text
    assert "0.png" not in text


def test_the_page_and_the_documentation_load_nothing_from_elsewhere(client):
    for path in ("/", "/page/page.js", "/page/page.css", "/docs"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "https://" not in answer.text
        assert "http://" not in answer.text
    assert "default-src 'none'" in client.get("/").headers["Content-Security-Policy"]
    assert client.get("/docs-files/swagger-ui-bundle.js").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/predict", "/similar", "/explain", "/health", "/metrics"}


def test_uploads_stay_in_memory(client, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # a file there would be an error
    large = encode(np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8), "PNG")
    assert len(large) > 2_000_000
    assert client.post("/predict", files=files(large)).status_code == 200
