"""stages/train.py, from synthetic thumbnails to a saved model."""

import json

import h5py
import numpy as np
import pytest

from stages import train
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.features.backbone import backbone_names, build_extractor, load_weights
from webtoon_genre.training import classifier, predictions


def read_metrics(workspace) -> dict:
    """The row that the stage wrote."""
    return json.loads((workspace / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]


def accuracy_on(workspace, split: str) -> float:
    """Accuracy of the saved model on the images of one split."""
    model = classifier.load_classifier(workspace / f"models/trained/{BACKBONE}")
    rows = read_table(workspace / "data/dataset.parquet", DATASET).query("split == @split")
    predicted = model.predict(ThumbnailStore(workspace / "data/resized").take(rows), split).argmax(axis=1)
    return (predicted == rows["label"]).mean()


def test_a_model_learns_genres_that_differ_by_their_lines(training_workspace, set_params):
    set_params({"lr": 0.003, "train.epochs": 30, "runtime.intra_op": 1})
    train.main(BACKBONE)
    metrics = read_metrics(training_workspace)
    assert metrics["val_accuracy"] > 0.8
    assert metrics["best_epoch"] < metrics["epochs"] <= 30
    assert accuracy_on(training_workspace, "test") > 0.8


def test_learning_curves_have_one_row_an_epoch(training_workspace, set_params):
    set_params({"train.epochs": 3})
    train.main(BACKBONE)
    for name in ("train/accuracy", "train/loss", "val/accuracy", "val/loss"):
        lines = (training_workspace / f"plots/train/{BACKBONE}/{name}.tsv").read_text().splitlines()
        assert lines[0] == f"step\t{name.partition('/')[2]}"
        assert [line.partition("\t")[0] for line in lines[1:]] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "layers", [0, pytest.param(3, marks=pytest.mark.slow), pytest.param("all", marks=pytest.mark.exhaustive)]
)
def test_the_saved_model_predicts_from_images_what_the_table_has(training_workspace, set_params, layers):
    set_params({"lr": 0.001, "train.epochs": 2, "train.unfreeze": layers})
    train.main(BACKBONE)
    table = predictions.read_predictions(training_workspace / f"data/predictions/{BACKBONE}.parquet")
    model = classifier.load_classifier(training_workspace / f"models/trained/{BACKBONE}")
    images = ThumbnailStore(training_workspace / "data/resized").take(table)
    probabilities = table[[f"p_{genre}" for genre in model.classes]].to_numpy()
    assert model.predict(images, "held out") == pytest.approx(probabilities, abs=1e-5)
    assert set(table["split"]) == {"val", "test"}


@pytest.mark.slow
@pytest.mark.parametrize("layers", [pytest.param(0, marks=pytest.mark.exhaustive), 3])
def test_equal_seeds_write_equal_models_bit_for_bit_and_other_seeds_do_not(
    training_workspace, set_params, run_stage, layers
):
    written = []
    for seed in (77, 77, 78):
        set_params({"train.epochs": 3, "train.unfreeze": layers, "seed": seed})
        process = run_stage("train", BACKBONE)
        assert process.returncode == 0, process.stderr
        assert [line for line in process.stderr.splitlines() if not line.startswith("train: ")] == []
        written.append((training_workspace / f"models/trained/{BACKBONE}/trained.weights.h5").read_bytes())
    assert written[0] == written[1]
    assert written[1] != written[2]


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "changed"), [pytest.param(0, 0, marks=pytest.mark.exhaustive), (3, 1)])
def test_only_unfrozen_layers_change(training_workspace, set_params, layers, changed):
    set_params({"lr": 0.001, "train.epochs": 1, "train.unfreeze": layers})
    train.main(BACKBONE)
    side = len(read_mean_image(training_workspace / "data/mean.npz").image)
    before = build_extractor(BACKBONE, side, "style", "backbone", None)
    load_weights(before, training_workspace / f"models/extractor/{BACKBONE}.weights.h5")
    model = classifier.load_classifier(training_workspace / f"models/trained/{BACKBONE}").model
    layers_before = before.get_layer("backbone").layers
    layers_after = model.get_layer("extractor").get_layer("backbone").layers
    pairs = zip(layers_after, layers_before, strict=True)
    different = [index for index, (after, first) in enumerate(pairs) if not equal_weights(after, first)]
    assert [index for index in different if index < len(layers_before) - layers] == []
    assert len(different) >= changed


def equal_weights(first, second) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


@pytest.mark.parametrize("layers", [3, pytest.param("all", marks=pytest.mark.exhaustive)])
def test_the_memory_limit_changes_no_result(training_workspace, set_params, layers):
    written = []
    for memory in (1000, 0):  # megabytes: in memory, and in scratch files
        set_params({"lr": 0.001, "train.epochs": 1, "train.unfreeze": layers, "memory": memory})
        train.main(BACKBONE)
        written.append((training_workspace / f"metrics/train/{BACKBONE}.json").read_bytes())
    assert written[0] == written[1]


@pytest.mark.slow
def test_a_tail_trained_on_activations_is_saved_as_part_of_the_model(training_workspace, set_params):
    set_params({"lr": 0.001, "train.epochs": 2, "train.unfreeze": 3})
    train.main(BACKBONE)
    metrics = read_metrics(training_workspace)
    assert accuracy_on(training_workspace, "val") == pytest.approx(metrics["val_accuracy"], abs=1e-6)


@pytest.fixture(scope="module")
def float32_losses():
    """The loss with params.yaml's runtime, once a test has computed it."""
    return []


@pytest.fixture
def loss_pair(training_workspace, set_params, run_stage, float32_losses):
    """A function of changed params: the loss with params.yaml's runtime and the loss with the changes, three layers unfrozen."""

    def loss(changes: dict) -> float:
        set_params({"lr": 0.001, "train.epochs": 2, "train.unfreeze": 3} | changes)
        assert run_stage("train", BACKBONE).returncode == 0
        return read_metrics(training_workspace)["val_loss"]

    def pair(changes: dict) -> tuple[float, float]:
        if not float32_losses:
            float32_losses.append(loss({}))
        return float32_losses[0], loss(changes)

    return pair


@pytest.mark.slow
def test_xla_trains_the_same_model_up_to_rounding(loss_pair):
    plain, compiled = loss_pair({"runtime.xla": True})
    assert compiled == pytest.approx(plain, rel=1e-3)


@pytest.mark.exhaustive
def test_with_sixteen_bits_the_model_is_similar_and_its_weights_have_32(loss_pair, training_workspace):
    plain, mixed = loss_pair({"runtime.precision": "mixed_bfloat16"})
    assert mixed != plain
    assert mixed == pytest.approx(plain, rel=0.05)
    with h5py.File(training_workspace / f"models/trained/{BACKBONE}/trained.weights.h5") as file:
        dtypes = set()
        file.visititems(lambda _, item: dtypes.add(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert {dtype for dtype in dtypes if dtype.kind == "f"} == {np.dtype(np.float32)}


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_one_line_and_an_existing_model_stays(training_workspace, set_params, run_stage):
    config, curves = (
        training_workspace / f"models/trained/{BACKBONE}/config.json",
        training_workspace / f"plots/train/{BACKBONE}/a.tsv",
    )
    for path in (config, curves):
        path.parent.mkdir(parents=True)
        path.write_text("earlier")
    set_params({"lr": 1e30})
    process = run_stage("train", BACKBONE)
    assert process.stderr == f"train: {BACKBONE}: loss is nan in epoch 1 at the learning rate 1e+30; lower lr\n"
    assert process.returncode == 1
    assert {path.read_text() for path in (config, curves)} == {"earlier"}
    assert list(training_workspace.rglob(".part-*")) == []


def test_activations_that_are_not_finite_are_one_line(training_workspace, set_params, monkeypatch):
    def overflow(self, pixels):
        return [np.full((len(pixels), *tensor.shape[1:]), np.inf, np.float32) for tensor in self.outputs]

    monkeypatch.setattr("keras.Model.predict_on_batch", overflow)
    set_params({"train.unfreeze": 3})
    with pytest.raises(InputError) as caught:
        train.main(BACKBONE)
    assert str(caught.value) == (
        f"{BACKBONE}: activations of images 1 to 32 of 80: the backbone's output holds inf; "
        "use other weights (pretrained.weights), or runtime.precision float32"
    )


def test_more_layers_than_the_backbone_has_are_refused(training_workspace, set_params):
    set_params({"train.unfreeze": 999})
    with pytest.raises(InputError, match=r"^unfreeze is 999: this backbone has \d+ layers; give 0 to \d+, or all$"):
        train.main(BACKBONE)


def test_an_unknown_backbone_is_one_line_and_nothing_is_written(workspace, run_stage):
    process = run_stage("train", "resnet51")
    known = ", ".join(backbone_names())
    assert process.stderr == f"train: backbone 'resnet51' is unknown; webtoon_genre/backbones has {known}\n"
    assert process.returncode == 1
    assert not (workspace / "models").exists()


def test_a_bad_param_is_one_line_and_an_existing_model_stays(workspace, set_params, run_stage):
    config = workspace / f"models/trained/{BACKBONE}/config.json"
    config.parent.mkdir(parents=True)
    config.write_text("earlier")
    set_params({"train.epochs": "many"})
    process = run_stage("train", BACKBONE)
    assert process.stderr == "train: params.yaml: train.epochs is 'many': input should be a valid integer\n"
    assert process.returncode == 1
    assert config.read_text() == "earlier"
