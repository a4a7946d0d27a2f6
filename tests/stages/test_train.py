"""stages/features.py and stages/train.py, from drawn thumbnails to a saved model."""

import json

import h5py
import numpy as np
import pytest

from stages import train
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_features, read_table
from webtoon_genre.features.backbone import backbone_names, build_extractor, load_weights
from webtoon_genre.features.extraction import calibration_rows
from webtoon_genre.training import classifier


def test_feature_row_i_is_of_dataset_row_i(training_workspace):
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET)
    table = read_features(training_workspace / f"data/features/{BACKBONE}.npy", len(rows))
    mean = read_mean_image(training_workspace / "data/mean.npz").image
    body = build_extractor(BACKBONE, len(mean), "style", "backbone", None)
    load_weights(body, training_workspace / f"models/trunk/{BACKBONE}.weights.h5")
    some = rows.iloc[[0, 17, len(rows) - 1]]
    shown = ThumbnailStore(training_workspace / "data/resized").take(some).astype(np.float32) - mean
    assert (table.dtype, len(table)) == (np.float32, len(rows))
    np.testing.assert_allclose(table[some.index], body.predict_on_batch(shown), rtol=1e-3, atol=1e-3)


def test_calibration_sees_train_rows_alone(training_workspace):
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET)
    chosen = calibration_rows(rows, 10)
    assert len(chosen) == 10
    assert set(chosen["split"]) == {"train"}
    assert chosen["title_id"].nunique() > 5
    assert len(calibration_rows(rows, 10_000)) == (rows["split"] == "train").sum()


def test_features_of_another_dataset_are_refused(training_workspace):
    with pytest.raises(InputError) as caught:
        read_features(training_workspace / f"data/features/{BACKBONE}.npy", 3)
    assert str(caught.value).endswith("mobilenet_v2.npy has 80 rows, the dataset 3; run `dvc repro features`")


def test_a_model_learns_what_lines_tell(training_workspace, set_params):
    set_params({"lr": 0.003, "train.epochs": 30, "runtime.intra_op": 1})
    train.main(BACKBONE)
    metrics = json.loads((training_workspace / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]
    assert metrics["val_accuracy"] > 0.8
    assert metrics["best_epoch"] < metrics["epochs"] <= 30
    model = classifier.load_classifier(training_workspace / f"models/{BACKBONE}")
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET).query("split == 'test'")
    predicted = model.predict(ThumbnailStore(training_workspace / "data/resized").take(rows), "test").argmax(axis=1)
    assert (predicted == rows["label"]).mean() > 0.8


def test_learning_curves_have_one_row_an_epoch(training_workspace, set_params):
    set_params({"train.epochs": 3})
    train.main(BACKBONE)
    for name in ("train/accuracy", "train/loss", "val/accuracy", "val/loss"):
        lines = (training_workspace / f"plots/train/{BACKBONE}/{name}.tsv").read_text().splitlines()
        assert lines[0] == f"step\t{name.partition('/')[2]}"
        assert [line.partition("\t")[0] for line in lines[1:]] == ["0", "1", "2"]


def test_equal_seeds_write_equal_models_bit_for_bit_and_others_do_not(training_workspace, set_params, run_stage):
    digests = []
    for seed in (77, 77, 78):
        set_params({"train.epochs": 3, "runtime.seed": seed})
        assert run_stage("train", BACKBONE).returncode == 0
        digests.append((training_workspace / f"models/{BACKBONE}/trained.weights.h5").read_bytes())
    assert digests[0] == digests[1]
    assert digests[1] != digests[2]


@pytest.mark.parametrize(("layers", "changed"), [(0, 0), (3, 1)])
def test_only_unfrozen_layers_change(training_workspace, set_params, layers, changed):
    set_params({"lr": 0.001, "train.epochs": 1, "train.unfreeze": layers})
    train.main(BACKBONE)
    side = len(read_mean_image(training_workspace / "data/mean.npz").image)
    before = build_extractor(BACKBONE, side, "style", "backbone", None)
    load_weights(before, training_workspace / f"models/trunk/{BACKBONE}.weights.h5")
    after = classifier.load_classifier(training_workspace / f"models/{BACKBONE}").model.get_layer("trunk")
    pairs = zip(after.get_layer("core").layers, before.get_layer("core").layers, strict=True)
    touched = [number for number, (layer, other) in enumerate(pairs) if not same(layer, other)]
    frozen = len(before.get_layer("core").layers) - layers
    assert [number for number in touched if number < frozen] == []
    assert len(touched) >= changed


def same(layer, other) -> bool:
    return all(np.array_equal(one, two) for one, two in zip(layer.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("layers", [3, "all"])
def test_a_limit_of_memory_changes_nothing(training_workspace, set_params, layers):
    written = []
    for memory in (1000, 0):  # megabytes: in memory, and in scratch files
        set_params({"lr": 0.001, "train.epochs": 1, "train.unfreeze": layers, "runtime.memory": memory})
        train.main(BACKBONE)
        written.append((training_workspace / f"metrics/train/{BACKBONE}.json").read_bytes())
    assert written[0] == written[1]


def test_a_model_trained_on_what_crosses_the_cut_is_the_model_that_is_saved(training_workspace, set_params):
    set_params({"lr": 0.001, "train.epochs": 2, "train.unfreeze": 3})
    train.main(BACKBONE)
    metrics = json.loads((training_workspace / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]
    model = classifier.load_classifier(training_workspace / f"models/{BACKBONE}")
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET).query("split == 'val'")
    predicted = model.predict(ThumbnailStore(training_workspace / "data/resized").take(rows), "val").argmax(axis=1)
    assert (predicted == rows["label"]).mean() == pytest.approx(metrics["val_accuracy"], abs=1e-6)


@pytest.fixture(scope="module")
def plain_losses():
    """The loss of what params.yaml's functions train, once a test has asked for it."""
    return []


@pytest.fixture
def trained_plainly(training_workspace, set_params, run_stage, plain_losses):
    """What a function of other params trains, beside what params.yaml's train: the losses of both, three layers unfrozen."""

    def loss(changed):
        set_params({"lr": 0.001, "train.epochs": 2, "train.unfreeze": 3} | changed)
        assert run_stage("train", BACKBONE).returncode == 0
        return json.loads((training_workspace / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]["val_loss"]

    def both(changed):
        if not plain_losses:
            plain_losses.append(loss({}))
        return plain_losses[0], loss(changed)

    return both


def test_xla_trains_the_same_model_to_rounding(trained_plainly):
    plain, compiled = trained_plainly({"runtime.xla": True})
    assert compiled == pytest.approx(plain, rel=1e-3)


def test_sixteen_bits_train_a_model_like_the_one_of_32_and_its_weights_have_32(trained_plainly, training_workspace):
    plain, mixed = trained_plainly({"runtime.precision": "mixed_bfloat16"})
    assert mixed != plain
    assert mixed == pytest.approx(plain, rel=0.05)
    with h5py.File(training_workspace / f"models/{BACKBONE}/trained.weights.h5") as file:
        kinds = set()
        file.visititems(lambda _, each: kinds.add(each.dtype) if isinstance(each, h5py.Dataset) else None)
    assert {kind for kind in kinds if kind.kind == "f"} == {np.dtype(np.float32)}


def test_sixteen_bits_change_features_by_their_rounding_alone(training_workspace, set_params, run_stage):
    path = training_workspace / f"data/features/{BACKBONE}.npy"
    whole = np.load(path)
    set_params({"runtime.precision": "mixed_bfloat16"})
    assert run_stage("features", BACKBONE).returncode == 0
    rounded = np.load(path)
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, whole)
    assert np.abs(rounded - whole).mean() < 0.02 * np.abs(whole).mean()


def test_more_layers_than_there_are_is_refused(training_workspace, set_params):
    set_params({"train.unfreeze": 999})
    with pytest.raises(InputError, match=r"^unfreeze is 999: this trunk has \d+ layers; give 0 to \d+, or all$"):
        train.main(BACKBONE)


def test_an_unknown_backbone_is_one_line_and_writes_nothing(training_workspace, run_stage):
    result = run_stage("train", "resnet51")
    known = ", ".join(backbone_names())
    assert result.stderr == f"train: backbone 'resnet51' is unknown; stages/backbones has {known}\n"
    assert result.returncode == 1
    assert not (training_workspace / "models/resnet51").exists()


def test_a_bad_param_is_one_line_and_keeps_the_model_there_is(training_workspace, set_params, run_stage):
    (training_workspace / f"models/{BACKBONE}").mkdir(parents=True)
    (training_workspace / f"models/{BACKBONE}/config.json").write_text("kept")
    set_params({"train.epochs": "many"})
    result = run_stage("train", BACKBONE)
    assert result.stderr == "train: params.yaml: train.epochs is 'many': input should be a valid integer\n"
    assert result.returncode == 1
    assert (training_workspace / f"models/{BACKBONE}/config.json").read_text() == "kept"
