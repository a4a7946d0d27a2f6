"""stages/pretrained.py: weights from loopback and from files, in both layouts, or a seeded initialisation; each way to fail is one line."""

import hashlib
import re

import h5py
import numpy as np
import pytest

from stages import pretrained
from tests.support.weights_server import serving
from webtoon_genre.backbones import mobilenet_v2
from webtoon_genre.core.errors import InputError
from webtoon_genre.features import download
from webtoon_genre.features.backbone import (
    backbone_names,
    build_backbone,
    load_architecture,
    load_weights,
    preprocess_images,
)

OUT = "models/pretrained/mobilenet_v2.weights.h5"
ABSENT = f"md5:{'0' * 32}"


def small(side: int):
    """In MobileNetV2's place, which takes seconds to build: the kinds of layers that it is made of."""
    import keras

    image = x = keras.Input((side, side, 3))
    for number in range(3):
        x = keras.layers.Conv2D(128, 3, strides=2, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)
        x = keras.layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{number}")(x)
        x = keras.layers.ReLU(6, name=f"relu_{number}")(x)
    return keras.Model(image, x, name="small")


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobilenet_v2, "build", small)
        yield


@pytest.fixture
def shelf(monkeypatch):
    """Files served from loopback, asked for without long waits."""
    monkeypatch.setattr(download, "BACKOFF", 0.01)
    with serving() as shelf:
        yield shelf


@pytest.fixture
def asked(workspace, set_params):
    """Ask for weights, by default with the hash that they have."""

    def ask(weights: str, data: bytes = b"", known_hash: str | dict | None = None) -> str:
        set_params({"pretrained.weights": weights, "pretrained.hash": known_hash or md5(data)})
        return weights

    return ask


def md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


def write_older(model, path) -> None:
    """The weights in the layout of the files that Keras publishes: groups of layers, in order, with their names as attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.1.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            names = [f"{layer.name}/{number}/{weight.name}:0" for number, weight in enumerate(weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, weights, strict=True):
                group[name] = weight.numpy()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The weights of seed 5 in both of Keras's layouts."""
    folder = tmp_path_factory.mktemp("published")
    model = pretrained.initialised("mobilenet_v2", seed=5)
    write_older(model, folder / "older.h5")
    model.save_weights(folder / "newer.weights.h5")
    return {layout: (folder / layout).read_bytes() for layout in ("older.h5", "newer.weights.h5")}


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(some) == len(others) and all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def assert_seed_5(workspace) -> None:
    """What the stage wrote is what `files` hold, and nothing else stands there."""
    model = build_backbone("mobilenet_v2", 64)
    load_weights(model, workspace / OUT)
    expected = pretrained.initialised("mobilenet_v2", seed=5).get_weights()
    assert same(model.get_weights(), expected)
    assert [path.name for path in (workspace / "models").iterdir()] == ["pretrained"]
    assert [path.name for path in (workspace / "models/pretrained").iterdir()] == ["mobilenet_v2.weights.h5"]


def refused(workspace, kept: tuple[str, ...] = ()) -> str:
    """The one line; an output that was there is as it was, and only `kept` suffixes are left in the folder of parts."""
    (workspace / OUT).parent.mkdir(parents=True, exist_ok=True)
    (workspace / OUT).write_bytes(b"as it was")
    with pytest.raises(InputError) as caught:
        pretrained.main("mobilenet_v2")
    assert (workspace / OUT).read_bytes() == b"as it was"
    assert [path.name for path in (workspace / OUT).parent.iterdir()] == ["mobilenet_v2.weights.h5"]
    assert tuple(sorted(path.suffix for path in (workspace / "models/.pretrained.parts").glob("*"))) == kept
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_random_weights_are_the_seed_s(workspace):
    one, again, other = (pretrained.initialised("mobilenet_v2", seed).get_weights() for seed in (1, 1, 2))
    assert same(one, again)
    assert not np.array_equal(one[0], other[0])


def test_equal_runs_write_equal_bytes(workspace):
    written = []
    for _ in range(2):
        pretrained.main("mobilenet_v2")
        written.append((workspace / "models/pretrained/mobilenet_v2.weights.h5").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
@pytest.mark.parametrize("name", ["own", "weights.bin"])
def test_both_layouts_load_from_a_url_whatever_the_file_s_name(workspace, shelf, asked, files, layout, name):
    path = "/" + (layout if name == "own" else name)
    shelf.files[path] = files[layout]
    asked(shelf.url + path, files[layout])
    pretrained.main("mobilenet_v2")
    assert_seed_5(workspace)


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
def test_both_layouts_load_from_a_path_and_the_file_stays(workspace, tmp_path_factory, asked, files, layout):
    path = tmp_path_factory.mktemp("own") / layout
    path.write_bytes(files[layout])
    asked(str(path), known_hash=f"sha256:{hashlib.sha256(files[layout]).hexdigest()}")
    pretrained.main("mobilenet_v2")
    assert_seed_5(workspace)
    assert path.read_bytes() == files[layout]


def test_imagenet_is_the_backbone_s_own_url_and_hash(workspace, set_params, shelf, files, monkeypatch):
    shelf.files["/notop.h5"] = files["older.h5"]
    monkeypatch.setattr(mobilenet_v2, "URL", f"{shelf.url}/notop.h5")
    monkeypatch.setattr(mobilenet_v2, "HASH", md5(files["older.h5"]))
    set_params({"pretrained.weights": "imagenet"})
    pretrained.main("mobilenet_v2")
    assert_seed_5(workspace)


def test_one_setting_names_the_files_of_several_backbones(workspace, shelf, asked, files):
    shelf.files["/mobilenet_v2.h5"] = files["older.h5"]
    asked(shelf.url + "/{backbone}.h5", known_hash={"vgg16": ABSENT, "mobilenet_v2": md5(files["older.h5"])})
    pretrained.main("mobilenet_v2")
    assert_seed_5(workspace)


def test_a_download_that_broke_off_goes_on_in_the_next_run(workspace, shelf, asked, files):
    shelf.files["/x.h5"], shelf.pieces = files["older.h5"], [4 * download.CHUNK, 0]
    asked(f"{shelf.url}/x.h5", files["older.h5"])
    assert f"(it breaks off after {4 * download.CHUNK:,} bytes: " in refused(workspace, kept=(".part", ".version"))
    shelf.pieces, shelf.seen = [], []
    pretrained.main("mobilenet_v2")
    assert_seed_5(workspace)
    assert shelf.seen == [f"bytes={4 * download.CHUNK}-"]


def test_a_wrong_hash_is_refused_with_both(workspace, shelf, asked, files):
    shelf.files["/x.h5"] = files["older.h5"]
    url = asked(f"{shelf.url}/x.h5", known_hash=ABSENT)
    assert refused(workspace) == (
        f"weights of mobilenet_v2 could not be had from {url} (MD5 hash of downloaded file (md5-{'0' * 32}) does not match the known "
        f"hash: expected {ABSENT} but got {md5(files['older.h5'])[4:]}.); `dvc pull` gets them from the remote, "
        f"pretrained.weights: random works offline"
    )


def test_a_file_cut_short_at_its_source_is_a_wrong_hash(workspace, shelf, asked, files):
    shelf.files["/x.h5"] = files["older.h5"][:-1000]
    asked(f"{shelf.url}/x.h5", files["older.h5"])
    assert f"expected {md5(files['older.h5'])} but got " in refused(workspace)


def test_a_page_in_place_of_weights_is_told(workspace, shelf, asked, files):
    shelf.files["/x.h5"], shelf.kind = b"<html>moved</html>", "text/html"
    asked(f"{shelf.url}/x.h5", files["older.h5"])
    assert "(it answered with a web page, Content-Type text/html)" in refused(workspace)


def test_a_page_with_its_own_hash_is_no_weights(workspace, shelf, asked):
    shelf.files["/x.h5"] = page = b"<html>moved</html>"
    url = asked(f"{shelf.url}/x.h5", page)
    expected = f"{url} is no HDF5 file: it starts with b'<html>moved</htm'; weights are .h5 or .weights.h5"
    assert refused(workspace) == expected


@pytest.mark.parametrize("layout", ["older.h5", "newer.weights.h5"])
def test_weights_of_another_architecture_are_refused(workspace, shelf, asked, tmp_path_factory, layout):
    path = tmp_path_factory.mktemp("other") / layout
    other = keras_chain()
    write_older(other, path) if layout == "older.h5" else other.save_weights(path)
    shelf.files["/x.h5"] = path.read_bytes()
    url = asked(f"{shelf.url}/x.h5", path.read_bytes())
    message = refused(workspace)
    assert message.startswith(f"{url} does not hold the weights of this small (")
    assert message.endswith("; it takes a file of this very backbone, without top")


def keras_chain():
    import keras

    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(4, 3)])


def test_an_hdf5_file_of_something_else_is_refused(workspace, asked, tmp_path_factory):
    path = tmp_path_factory.mktemp("other") / "x.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = [1, 2]
    asked(str(path), path.read_bytes())
    assert refused(workspace).startswith(f"{path} does not hold the weights of this small (")


def test_a_file_that_is_not_there_is_one_line(workspace, shelf, asked):
    url = asked(f"{shelf.url}/x.h5", known_hash=ABSENT)
    assert f"from {url} (404 Client Error: Not Found for url: {url}); `dvc pull`" in refused(workspace)


def test_a_server_that_is_not_there_is_one_line(workspace, shelf, asked):
    with serving() as gone:
        asked(f"{gone.url}/x.h5", known_hash=ABSENT)
    assert "Connection refused); `dvc pull`" in refused(workspace)


def test_a_path_that_is_not_there_is_told(workspace, asked):
    asked("nowhere/x.h5", known_hash=ABSENT)
    expected = "nowhere/x.h5 is not there; set pretrained.weights to a file, a URL, imagenet or random"
    assert refused(workspace) == expected


def test_a_path_with_another_hash_is_told_with_both(workspace, asked, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "x.h5"
    path.write_bytes(b"other")
    asked(str(path), known_hash=ABSENT)
    expected = f"{path} is not the file that pretrained.hash names: expected {ABSENT}, seen {md5(b'other')}"
    assert refused(workspace) == expected


@pytest.mark.parametrize(
    ("weights", "known_hash", "expected"),
    [
        ("a.h5", None, "pretrained.hash has none for mobilenet_v2; give md5:... or sha256:... of a.h5"),
        ("a.h5", {"vgg16": ABSENT}, "pretrained.hash has none for mobilenet_v2; give md5:... or sha256:... of a.h5"),
        (
            "a.h5",
            "sha256:12",
            "pretrained.hash is 'sha256:12' for mobilenet_v2; give md5: and 32, or sha256: and 64 hexadecimal digits",
        ),
        (
            "random",
            ABSENT,
            f"pretrained.hash is '{ABSENT}', but weights random take none; set pretrained.hash: null",
        ),
        (
            "imagenet",
            ABSENT,
            f"pretrained.hash is '{ABSENT}', but weights imagenet take none; set pretrained.hash: null",
        ),
    ],
)
def test_a_hash_is_needed_where_a_file_is_named_and_nowhere_else(workspace, set_params, weights, known_hash, expected):
    set_params({"pretrained.weights": weights, "pretrained.hash": known_hash})
    assert refused(workspace) == expected


def test_weights_without_a_published_checksum_are_not_fetched(workspace, set_params):
    set_params({"pretrained.weights": "imagenet"})
    assert refused(workspace) == (
        "mobilenet_v2 has no published checksum for its ImageNet weights; set pretrained.weights: random for it, "
        f"or to {mobilenet_v2.URL} with a pretrained.hash that you trust"
    )


def test_dvc_sets_a_path_and_a_hash_from_the_command_line(workspace):
    from dvc.utils.hydra import apply_overrides

    overrides = ["pretrained.weights=/data/resnet50.h5", f"pretrained.hash={ABSENT}", "train.backbones=[resnet50]"]
    assert overridden(apply_overrides, overrides) == {"weights": "/data/resnet50.h5", "hash": ABSENT}
    several = ["pretrained.weights='http://127.0.0.1/{backbone}.h5'", f"pretrained.hash={{vgg16: '{ABSENT}'}}"]
    assert overridden(apply_overrides, several) == {
        "weights": "http://127.0.0.1/{backbone}.h5",
        "hash": {"vgg16": ABSENT},
    }


def overridden(apply_overrides, overrides: list[str]) -> dict:
    """The `pretrained` section that these overrides make of the workspace's params.yaml, but its seed."""
    from webtoon_genre.core import params

    apply_overrides("params.yaml", overrides)
    section = params.read(pretrained.Params).pretrained
    return {"weights": section.weights, "hash": section.hash}


@pytest.mark.parametrize("backbone", backbone_names())
def test_each_backbone_has_a_url_of_keras_s_and_a_checksum(backbone):
    architecture = load_architecture(backbone)
    assert architecture.URL.startswith("https://storage.googleapis.com/tensorflow/keras-applications/")
    assert re.search(r"no_?top\.h5$", architecture.URL)
    assert architecture.HASH is None or pretrained.HASH.fullmatch(architecture.HASH)


@pytest.mark.parametrize("backbone", ["efficientnet_v2_b0", "convnext_tiny"])
def test_published_files_fit_though_they_were_made_with_the_input_convention_inside(tmp_path_factory, backbone):
    import keras

    make = {"efficientnet_v2_b0": keras.applications.EfficientNetV2B0, "convnext_tiny": keras.applications.ConvNeXtTiny}
    whole = make[backbone](include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path_factory.mktemp("own") / "notop.h5"
    write_older(whole, path)
    bare = build_backbone(backbone, 32)
    pretrained.adopt(bare, path, str(path))
    images = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    mean = np.array([0.485, 0.456, 0.406], np.float32) * 255
    shown = preprocess_images(images - mean, backbone, "backbone")
    np.testing.assert_allclose(bare(shown), whole(images), rtol=1e-3, atol=1e-4)


def test_a_real_backbone_s_newer_layout_loads(tmp_path):
    path = tmp_path / "x.weights.h5"
    first, second = (pretrained.initialised("efficientnet_v2_b0", seed) for seed in (1, 2))
    first.save_weights(path)
    pretrained.adopt(second, path, str(path))
    assert same(first.get_weights(), second.get_weights())
