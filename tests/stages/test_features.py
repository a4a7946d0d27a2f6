"""stages/features.py: features of every row, and the extractor that computed them."""

import numpy as np
import pytest

from bench.agreement import LIMIT, largest_difference
from stages import features
from tests.support import small_backbone
from tests.support.pipeline_inputs import BACKBONE
from tests.support.runtime_params import RUNTIME
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_features, read_table
from webtoon_genre.features.backbone import build_extractor, load_weights, save_weights
from webtoon_genre.features.weights import random_backbone
from webtoon_genre.reproducibility.runtime import set_seed, start_keras


def test_feature_row_i_belongs_to_dataset_row_i(training_workspace):
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET)
    table = read_features(training_workspace / f"data/features/{BACKBONE}.npy", len(rows))
    mean = read_mean_image(training_workspace / "data/mean.npz").image
    extractor = build_extractor(BACKBONE, len(mean), "style", "backbone", None)
    load_weights(extractor, training_workspace / f"models/extractor/{BACKBONE}.weights.h5")
    sample = rows.iloc[[0, 17, len(rows) - 1]]
    centred = ThumbnailStore(training_workspace / "data/resized").take(sample).astype(np.float32) - mean
    assert (table.dtype, len(table)) == (np.float32, len(rows))
    np.testing.assert_allclose(table[sample.index], extractor.predict_on_batch(centred), rtol=1e-3, atol=1e-3)


def test_features_of_another_dataset_are_refused(training_workspace):
    with pytest.raises(InputError) as caught:
        read_features(training_workspace / f"data/features/{BACKBONE}.npy", 3)
    assert str(caught.value).endswith("mobilenet_v2.npy has 80 rows, the dataset 3; run `dvc repro features`")


@pytest.fixture
def small_workspace(training_workspace, monkeypatch):
    """A workspace whose backbone is small, with random weights of it."""
    small_backbone.replace_mobilenet_v2(monkeypatch)
    start_keras(RUNTIME)
    save_weights(random_backbone(BACKBONE, 1), training_workspace / f"models/pretrained/{BACKBONE}.weights.h5")
    return training_workspace


def test_random_weights_are_calibrated_and_pretrained_ones_are_not(small_workspace, set_params):
    norm_means = []
    for weights in ("random", "imagenet"):
        set_params({"pretrained.weights": weights})
        features.main(BACKBONE)
        extractor = build_extractor(BACKBONE, 112, "style", "backbone", None)
        load_weights(extractor, small_workspace / f"models/extractor/{BACKBONE}.weights.h5")
        norm_means.append(extractor.get_layer("backbone").get_layer("norm_1").get_weights()[2])
    assert np.abs(norm_means[0]).max() > 0
    assert np.abs(norm_means[1]).max() == 0


def test_augmented_copies_of_train_rows_get_features_of_their_own(small_workspace, set_params):
    features.main(BACKBONE)
    path = small_workspace / f"data/features/{BACKBONE}.npy"
    plain = np.load(path)
    assert len(np.load(small_workspace / f"data/features/{BACKBONE}-augmented.npy")) == 0
    set_params({"augment.copies": 2})
    features.main(BACKBONE)
    rows = read_table(small_workspace / "data/dataset.parquet", DATASET)
    augmented = np.load(small_workspace / f"data/features/{BACKBONE}-augmented.npy")
    assert np.array_equal(np.load(path), plain)
    assert augmented.shape == (2 * (rows["split"] == "train").sum(), plain.shape[1])
    assert not np.array_equal(*np.split(augmented, 2))


def test_onnx_runtime_writes_features_equal_but_for_rounding_and_the_same_extractor(small_workspace, set_params):
    set_params({"augment.copies": 1})
    set_seed(1)  # numbers layers from the start, as in a new process: weights files hold names
    features.main(BACKBONE)
    paths = [small_workspace / f"data/features/{BACKBONE}{suffix}.npy" for suffix in ("", "-augmented")]
    weights = small_workspace / f"models/extractor/{BACKBONE}.weights.h5"
    expected, weights_before = [np.load(path) for path in paths], weights.read_bytes()
    set_params({"features.engine": "onnxruntime"})
    set_seed(1)
    features.main(BACKBONE)
    for path, values in zip(paths, expected, strict=True):
        assert largest_difference(np.load(path), values) < LIMIT
    assert weights.read_bytes() == weights_before


@pytest.mark.slow
def test_onnx_runtime_writes_equal_bytes_in_two_processes(training_workspace, set_params, run_stage):
    path = training_workspace / f"data/features/{BACKBONE}.npy"
    contents = {path.read_bytes()}
    set_params({"features.engine": "onnxruntime"})
    for count in (2, 2):  # the first run differs from TensorFlow's bytes, the second adds nothing
        assert run_stage("features", BACKBONE).returncode == 0
        contents.add(path.read_bytes())
        assert len(contents) == count


def overflowing_weights(workspace) -> None:
    """Write weights of the small backbone that are finite, and with which its convolutions overflow."""
    model = random_backbone(BACKBONE, 1)
    model.get_layer("conv_0").kernel.assign(np.where(np.arange(128) % 2, 3e38, -3e38) * np.ones((3, 3, 3, 1)))
    save_weights(model, workspace / f"models/pretrained/{BACKBONE}.weights.h5")


@pytest.mark.parametrize("engine", ["tensorflow", "onnxruntime"])
def test_features_that_are_not_finite_are_one_line_and_earlier_ones_stay(engine, small_workspace, set_params):
    overflowing_weights(small_workspace)
    set_params({"pretrained.weights": "imagenet", "features.engine": engine})
    before = (small_workspace / f"data/features/{BACKBONE}.npy").read_bytes()
    with pytest.raises(InputError) as caught:
        features.main(BACKBONE)
    assert str(caught.value) == (
        f"{BACKBONE}: features of images 1 to 32 of 80: the backbone's output holds nan; "
        "use other weights (pretrained.weights), or runtime.precision float32"
    )
    assert (small_workspace / f"data/features/{BACKBONE}.npy").read_bytes() == before
    assert list(small_workspace.rglob(".part-*")) == []


def test_calibration_that_is_not_finite_is_one_line(small_workspace):
    overflowing_weights(small_workspace)
    with pytest.raises(
        InputError,
        match=rf"^{BACKBONE}: calibrated on \d+ train images: the weight norm_0/moving_mean holds (inf|nan); use ",
    ):
        features.main(BACKBONE)


@pytest.mark.slow
def test_sixteen_bits_change_features_by_rounding_only(training_workspace, set_params, run_stage):
    path = training_workspace / f"data/features/{BACKBONE}.npy"
    exact = np.load(path)
    set_params({"runtime.precision": "mixed_bfloat16"})
    assert run_stage("features", BACKBONE).returncode == 0
    rounded = np.load(path)
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, exact)
    assert np.abs(rounded - exact).mean() < 0.02 * np.abs(exact).mean()
