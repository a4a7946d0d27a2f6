"""stages/pretrained.py: weights by URL and checksum, from a server of our own, or a seeded initialisation."""

import hashlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import h5py
import numpy as np
import pytest

from stages import pretrained
from stages.backbones import mobilenet_v2
from stages.lib import trunk
from stages.lib.errors import InputError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path_factory):
    """A folder and the URL under which loopback serves it."""
    folder = tmp_path_factory.mktemp("served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def offered(served, monkeypatch, set_params):
    """Offer bytes as MobileNetV2's ImageNet weights, and ask for them."""
    folder, url = served
    set_params({"pretrained.weights": "imagenet"})

    def offer(data: bytes, md5: str | None = None) -> None:
        (folder / "weights.h5").write_bytes(data)
        monkeypatch.setattr(mobilenet_v2, "URL", f"{url}/weights.h5")
        monkeypatch.setattr(mobilenet_v2, "MD5", md5 or hashlib.md5(data).hexdigest())

    return offer


def published(tmp_path) -> tuple[bytes, list[np.ndarray]]:
    """MobileNetV2's weights in the layout of the files that Keras publishes (by layer name), and as arrays."""
    model = pretrained.initialised("mobilenet_v2", seed=5)
    path = tmp_path / "published.h5"
    with h5py.File(path, "w") as file:
        layers = list(model.layers)
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.1.0"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()
    return path.read_bytes(), [weight.numpy() for weight in model.weights]


def loaded(workspace) -> list[np.ndarray]:
    model = trunk.build_core("mobilenet_v2", 64)
    trunk.load_weights(model, workspace / "models/pretrained/mobilenet_v2.weights.h5")
    return [weight.numpy() for weight in model.weights]


def test_random_weights_are_the_seed_s(workspace):
    one, same, other = (pretrained.initialised("mobilenet_v2", seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_equal_runs_write_equal_bytes(workspace):
    written = []
    for _ in range(2):
        pretrained.main("mobilenet_v2")
        written.append((workspace / "models/pretrained/mobilenet_v2.weights.h5").read_bytes())
    assert written[0] == written[1]


def test_published_weights_are_fetched_and_kept_as_they_are(workspace, offered, tmp_path):
    data, weights = published(tmp_path)
    offered(data)
    pretrained.main("mobilenet_v2")
    assert all(np.array_equal(a, b) for a, b in zip(loaded(workspace), weights, strict=True))


def refused(workspace) -> str:
    with pytest.raises(InputError) as caught:
        pretrained.main("mobilenet_v2")
    assert not (workspace / "models").exists() or not any((workspace / "models/pretrained").iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_checksum_is_refused(workspace, offered):
    offered(b"other bytes", md5="0" * 32)
    message = refused(workspace)
    assert message.startswith("weights of mobilenet_v2 could not be had from http://127.0.0.1:")
    assert "does not match the known hash" in message


def test_a_page_in_place_of_weights_is_refused(workspace, offered):
    offered(b"<html>moved</html>")
    assert "does not hold the weights of this mobilenetv2_1.00_" in refused(workspace)


def test_a_file_that_is_not_there_is_one_line(workspace, offered, monkeypatch):
    offered(b"x")
    monkeypatch.setattr(mobilenet_v2, "URL", mobilenet_v2.URL + ".missing")
    assert "404" in refused(workspace)


def test_weights_without_a_published_checksum_are_not_fetched(workspace, set_params):
    set_params({"pretrained.weights": "imagenet"})
    expected = "mobilenet_v2 has no published checksum for its ImageNet weights; set pretrained.weights: random for it"
    assert refused(workspace) == expected


@pytest.mark.parametrize("backbone", ["resnet50", "inception_v3", "vgg16", "vgg19"])
def test_each_of_the_study_s_backbones_has_a_url_and_a_checksum(backbone):
    architecture = trunk.module(backbone)
    assert architecture.URL.startswith("https://storage.googleapis.com/tensorflow/keras-applications/")
    assert architecture.URL.endswith("notop.h5")
    assert len(bytes.fromhex(architecture.MD5)) == 16
