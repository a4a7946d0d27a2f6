"""stages/pretrained.py: weights from loopback, from files, in both layouts, or from a seed; each failure is one line."""

import hashlib
import re

import h5py
import numpy as np
import pytest

from stages import pretrained
from tests.support import small_backbone
from tests.support.weights_server import serve_weights
from webtoon_genre.backbones import mobilenet_v2
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import read
from webtoon_genre.features import weights
from webtoon_genre.features.backbone import (
    backbone_names,
    build_backbone,
    load_architecture,
    load_weights,
    preprocess_images,
)

OUT = "models/pretrained/mobilenet_v2.weights.h5"
UNKNOWN_HASH = f"md5:{'0' * 32}"


@pytest.fixture(autouse=True, scope="module")
def _small_backbone():
    with pytest.MonkeyPatch.context() as patch:
        small_backbone.replace_mobilenet_v2(patch)
        yield


@pytest.fixture
def server(monkeypatch):
    """Files served from loopback; pooch waits for nothing between retries."""
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)
    with serve_weights() as server:
        yield server


@pytest.fixture
def set_weights(workspace, set_params):
    """Set pretrained.weights, and as pretrained.hash that of `data` unless another is given; returns the weights' location."""

    def set_location(location: str, data: bytes = b"", known_hash: str | dict | None = None) -> str:
        set_params({"pretrained.weights": location, "pretrained.hash": known_hash or md5(data)})
        return location

    return set_location


def md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


def write_older_layout(model, path) -> None:
    """Write weights in the layout of the files that Keras publishes: groups of layers, in order, with their names as attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.1.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            arrays = layer.trainable_weights + layer.non_trainable_weights
            names = [f"{layer.name}/{number}/{array.name}:0" for number, array in enumerate(arrays)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                group[name] = array.numpy()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The weights of seed 5 in both of Keras's layouts."""
    folder = tmp_path_factory.mktemp("published")
    model = weights.random_backbone("mobilenet_v2", seed=5)
    write_older_layout(model, folder / "older.h5")
    model.save_weights(folder / "newer.weights.h5")
    return {layout: (folder / layout).read_bytes() for layout in ("older.h5", "newer.weights.h5")}


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def assert_wrote_seed_5(workspace) -> None:
    """The stage wrote the weights in `files`, and nothing else is in models/."""
    model = build_backbone("mobilenet_v2", 64)
    load_weights(model, workspace / OUT)
    assert equal(model.get_weights(), weights.random_backbone("mobilenet_v2", seed=5).get_weights())
    assert_only_output(workspace)


def assert_only_output(workspace) -> None:
    """No part of a download is left."""
    files = [path.relative_to(workspace).as_posix() for path in (workspace / "models").rglob("*") if path.is_file()]
    assert files == [OUT]


def error_line(workspace) -> str:
    """The one line of the stage's error; an existing output stays as it was."""
    (workspace / OUT).parent.mkdir(parents=True, exist_ok=True)
    (workspace / OUT).write_bytes(b"as it was")
    with pytest.raises(InputError) as caught:
        pretrained.main("mobilenet_v2")
    assert (workspace / OUT).read_bytes() == b"as it was"
    assert_only_output(workspace)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_random_weights_depend_on_the_seed_only(workspace):
    first, second, other = (weights.random_backbone("mobilenet_v2", seed).get_weights() for seed in (1, 1, 2))
    assert equal(first, second)
    assert not np.array_equal(first[0], other[0])


def test_equal_runs_write_equal_bytes(workspace):
    written = []
    for _ in range(2):
        pretrained.main("mobilenet_v2")
        written.append((workspace / OUT).read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
@pytest.mark.parametrize("name", [None, "weights.bin"])
def test_both_layouts_load_from_a_url_whatever_the_file_name(workspace, server, set_weights, files, layout, name):
    path = f"/{name or layout}"
    server.files[path] = files[layout]
    set_weights(server.url + path, files[layout])
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)
    assert server.requests == 1


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
def test_both_layouts_load_from_a_path_and_the_file_stays(workspace, tmp_path_factory, set_weights, files, layout):
    path = tmp_path_factory.mktemp("local") / layout
    path.write_bytes(files[layout])
    set_weights(str(path), known_hash=f"sha256:{hashlib.sha256(files[layout]).hexdigest()}")
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)
    assert path.read_bytes() == files[layout]


def test_imagenet_is_the_url_and_hash_in_the_backbone_s_module(workspace, set_params, server, files, monkeypatch):
    server.files["/notop.h5"] = files["older.h5"]
    monkeypatch.setattr(mobilenet_v2, "URL", f"{server.url}/notop.h5")
    monkeypatch.setattr(mobilenet_v2, "HASH", md5(files["older.h5"]))
    set_params({"pretrained.weights": "imagenet"})
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)


def test_one_param_names_the_files_of_several_backbones(workspace, server, set_weights, files):
    server.files["/mobilenet_v2.h5"] = files["older.h5"]
    hashes = {"vgg16": UNKNOWN_HASH, "mobilenet_v2": md5(files["older.h5"])}
    set_weights(server.url + "/{backbone}.h5", known_hash=hashes)
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)


def test_a_hash_in_capitals_is_the_same_hash(workspace, server, set_weights, files):
    server.files["/x.h5"] = files["older.h5"]
    set_weights(f"{server.url}/x.h5", known_hash=f"md5:{md5(files['older.h5'])[4:].upper()}")
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)


def test_a_busy_server_is_asked_again(workspace, server, set_weights, files):
    server.files["/x.h5"], server.busy = files["older.h5"], weights.RETRIES
    set_weights(f"{server.url}/x.h5", files["older.h5"])
    pretrained.main("mobilenet_v2")
    assert_wrote_seed_5(workspace)
    assert server.requests == weights.RETRIES + 1


def test_a_server_that_stays_busy_is_one_line(workspace, server, set_weights):
    server.busy = 100
    url = set_weights(f"{server.url}/x.h5", known_hash=UNKNOWN_HASH)
    assert f"from {url} (503 Server Error: Service Unavailable for url: {url}); `dvc pull`" in error_line(workspace)
    assert server.requests == weights.RETRIES + 1


def test_a_wrong_hash_is_refused_with_both_hashes(workspace, server, set_weights, files):
    server.files["/x.h5"] = files["older.h5"]
    url = set_weights(f"{server.url}/x.h5", known_hash=UNKNOWN_HASH)
    assert error_line(workspace) == (
        f"weights of mobilenet_v2 could not be had from {url} (MD5 hash of downloaded file (weights) does not match the known "
        f"hash: expected {UNKNOWN_HASH} but got {md5(files['older.h5'])[4:]}.); `dvc pull` gets them from the remote, "
        f"pretrained.weights: random works offline"
    )


def test_a_file_that_is_too_short_at_its_source_has_a_wrong_hash(workspace, server, set_weights, files):
    server.files["/x.h5"] = files["older.h5"][:-1000]
    set_weights(f"{server.url}/x.h5", files["older.h5"])
    assert f"expected {md5(files['older.h5'])} but got " in error_line(workspace)


def test_a_download_that_breaks_off_is_one_line(workspace, server, set_weights, files):
    server.files["/x.h5"], server.missing = files["older.h5"], 1000
    url = set_weights(f"{server.url}/x.h5", files["older.h5"])
    assert f"weights of mobilenet_v2 could not be had from {url} (" in error_line(workspace)
    assert server.requests == weights.RETRIES + 1


def test_a_web_page_in_place_of_weights_has_a_wrong_hash(workspace, server, set_weights, files):
    server.files["/x.h5"], server.content_type = b"<html>moved</html>", "text/html"
    set_weights(f"{server.url}/x.h5", files["older.h5"])
    assert f"expected {md5(files['older.h5'])} but got {md5(b'<html>moved</html>')[4:]}." in error_line(workspace)


def test_a_web_page_with_its_hash_is_no_weights(workspace, server, set_weights):
    server.files["/x.h5"] = page = b"<html>moved</html>"
    url = set_weights(f"{server.url}/x.h5", page)
    expected = f"{url} is no HDF5 file: it starts with b'<html>moved</htm'; weights are .h5 or .weights.h5"
    assert error_line(workspace) == expected


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
def test_weights_of_another_architecture_are_refused(workspace, server, set_weights, tmp_path_factory, layout):
    import keras

    path = tmp_path_factory.mktemp("other") / layout
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(4, 3)])
    write_older_layout(other, path) if layout == "older.h5" else other.save_weights(path)
    server.files["/x.h5"] = path.read_bytes()
    url = set_weights(f"{server.url}/x.h5", path.read_bytes())
    message = error_line(workspace)
    assert message.startswith(f"{url} does not hold the weights of this small (")
    assert message.endswith("; it takes a file of this very backbone, without top")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("layout", ["older", "newer"])
def test_weights_that_are_not_finite_are_one_line_and_earlier_ones_stay(
    workspace, set_weights, tmp_path_factory, layout, value
):
    model, path = build_backbone("mobilenet_v2", 32), tmp_path_factory.mktemp("file") / "w.weights.h5"
    kernel = np.zeros((3, 3, 128, 128), np.float32)
    kernel[1, 2, 3, 4] = value
    model.get_layer("conv_1").kernel.assign(kernel)
    write_older_layout(model, path) if layout == "older" else model.save_weights(path)
    location = set_weights(str(path), path.read_bytes())
    (workspace / OUT).parent.mkdir(parents=True)
    (workspace / OUT).write_text("earlier")
    with pytest.raises(InputError) as caught:
        pretrained.main("mobilenet_v2")
    assert str(caught.value) == (
        f"{location}: the weight conv_1/kernel holds {value}; set pretrained.weights to another file or URL, imagenet or random"
    )
    assert (workspace / OUT).read_text() == "earlier"


def test_an_hdf5_file_without_weights_is_refused(workspace, set_weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("other") / "x.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = [1, 2]
    set_weights(str(path), path.read_bytes())
    assert error_line(workspace).startswith(f"{path} does not hold the weights of this small (")


def test_a_missing_url_is_one_line(workspace, server, set_weights):
    url = set_weights(f"{server.url}/x.h5", known_hash=UNKNOWN_HASH)
    assert f"from {url} (404 Client Error: Not Found for url: {url}); `dvc pull`" in error_line(workspace)


def test_a_server_that_is_not_running_is_one_line(workspace, server, set_weights):
    with serve_weights() as stopped:
        url = set_weights(f"{stopped.url}/x.h5", known_hash=UNKNOWN_HASH)
    message = error_line(workspace)
    assert message.startswith(f"weights of mobilenet_v2 could not be had from {url} (")
    assert "Connection refused" in message
    assert message.endswith("); `dvc pull` gets them from the remote, pretrained.weights: random works offline")


def test_a_missing_path_is_one_line(workspace, set_weights):
    set_weights("nowhere/x.h5", known_hash=UNKNOWN_HASH)
    expected = "nowhere/x.h5 is not there; set pretrained.weights to a file, a URL, imagenet or random"
    assert error_line(workspace) == expected


def test_a_path_with_another_hash_is_refused_with_both_hashes(workspace, set_weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "x.h5"
    path.write_bytes(b"other")
    set_weights(str(path), known_hash=UNKNOWN_HASH)
    expected = f"{path} is not the file that pretrained.hash names: expected {UNKNOWN_HASH}, actual {md5(b'other')}"
    assert error_line(workspace) == expected


@pytest.mark.parametrize(
    ("location", "known_hash", "expected"),
    [
        ("a.h5", None, "pretrained.hash has none for mobilenet_v2; give md5:... or sha256:... of a.h5"),
        (
            "a.h5",
            {"vgg16": UNKNOWN_HASH},
            "pretrained.hash has none for mobilenet_v2; give md5:... or sha256:... of a.h5",
        ),
        (
            "a.h5",
            "sha256:12",
            "pretrained.hash is 'sha256:12' for mobilenet_v2; give md5: and 32, or sha256: and 64 hexadecimal digits",
        ),
        (
            "random",
            UNKNOWN_HASH,
            f"pretrained.hash is '{UNKNOWN_HASH}', but weights random take none; set pretrained.hash: null",
        ),
        (
            "imagenet",
            UNKNOWN_HASH,
            f"pretrained.hash is '{UNKNOWN_HASH}', but weights imagenet take none; set pretrained.hash: null",
        ),
    ],
)
def test_a_hash_is_needed_for_a_file_and_refused_otherwise(workspace, set_params, location, known_hash, expected):
    set_params({"pretrained.weights": location, "pretrained.hash": known_hash})
    assert error_line(workspace) == expected


def test_weights_without_a_published_checksum_are_not_downloaded(workspace, set_params):
    set_params({"pretrained.weights": "imagenet"})
    assert error_line(workspace) == (
        "mobilenet_v2 has no published checksum for its ImageNet weights; set pretrained.weights: random for it, "
        f"or to {mobilenet_v2.URL} with a pretrained.hash that you trust"
    )


def test_dvc_sets_a_path_and_a_hash_from_the_command_line(workspace):
    overrides = [
        "pretrained.weights=/data/resnet50.h5",
        f"pretrained.hash={UNKNOWN_HASH}",
        "train.backbones=[resnet50]",
    ]
    assert with_overrides(overrides) == {"weights": "/data/resnet50.h5", "hash": UNKNOWN_HASH}
    several = ["pretrained.weights='http://127.0.0.1/{backbone}.h5'", f"pretrained.hash={{vgg16: '{UNKNOWN_HASH}'}}"]
    assert with_overrides(several) == {
        "weights": "http://127.0.0.1/{backbone}.h5",
        "hash": {"vgg16": UNKNOWN_HASH},
    }


def with_overrides(overrides: list[str]) -> dict:
    """The section `pretrained`, but its seed, after DVC changed the workspace's params.yaml."""
    from dvc.utils.hydra import apply_overrides

    apply_overrides("params.yaml", overrides)
    section = read(pretrained.Params).pretrained
    return {"weights": section.weights, "hash": section.hash}


@pytest.mark.parametrize("backbone", backbone_names())
def test_each_backbone_has_a_url_of_keras_and_a_checksum(backbone):
    architecture = load_architecture(backbone)
    assert architecture.URL.startswith("https://storage.googleapis.com/tensorflow/keras-applications/")
    assert re.search(r"no_?top\.h5$", architecture.URL)
    assert architecture.HASH is None or weights.HASH.fullmatch(architecture.HASH)


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone", ["efficientnet_v2_b0", pytest.param("convnext_tiny", marks=pytest.mark.exhaustive)]
)
def test_published_files_with_the_input_convention_inside_fit_the_backbone(tmp_path, backbone):
    import keras

    make = {"efficientnet_v2_b0": keras.applications.EfficientNetV2B0, "convnext_tiny": keras.applications.ConvNeXtTiny}
    published = make[backbone](include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / "notop.h5"
    write_older_layout(published, path)
    model = build_backbone(backbone, 32)
    weights.load_any_layout(model, path, str(path))
    images = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32) * 255
    preprocessed = preprocess_images(images - mean, backbone, "backbone")
    np.testing.assert_allclose(model(preprocessed), published(images), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_newer_layout_of_a_real_backbone_loads(tmp_path):
    path = tmp_path / "x.weights.h5"
    first, second = (weights.random_backbone("efficientnet_v2_b0", seed) for seed in (1, 2))
    first.save_weights(path)
    weights.load_any_layout(second, path, str(path))
    assert equal(first.get_weights(), second.get_weights())
