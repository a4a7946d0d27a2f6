"""stages/finetune.py: the best trial trained again, and the model that is handed on."""

import json
import shutil
from pathlib import Path

import pytest

from stages import finetune, select, train
from tests.conftest import edit_params
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_text
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.evaluation.bootstrap import format_value
from webtoon_genre.training import classifier, predictions
from webtoon_genre.training.trainer import Trainer

PARAMS = {"finetune.unfreeze": [0, 4], "finetune.epochs": 3, "train.epochs": 1, "train.backbones": [BACKBONE]}
TRIAL = {"backbone": BACKBONE, "units": 8, "lr": 0.003, "unfreeze": "0", "val_accuracy": 0.5}


def write_selection(workspace, val_accuracy: float, **trial) -> None:
    """Write metrics/select.json: the trial, and a trained model with this validation accuracy."""
    selection = {"start": {**TRIAL, **trial}, "best_trained": BACKBONE, "trained": {BACKBONE: val_accuracy}}
    write_text(workspace / paths.metrics("select"), json.dumps(selection))


@pytest.fixture(scope="module")
def trained(pipeline_inputs, tmp_path_factory):
    """A folder in which `train` has run and `select` has chosen a trial that fine-tuning surpasses."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(pipeline_inputs, folder, dirs_exist_ok=True)
    edit_params(folder / "params.yaml", PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main(BACKBONE)
        select.hand_on(BACKBONE, BACKBONE)
        shutil.copy(paths.predictions(BACKBONE), paths.HISTOGRAM_PREDICTIONS)
        write_selection(folder, -1.0)
    return folder


@pytest.fixture
def selected(trained, workspace):
    """A workspace with a copy of `trained`."""
    shutil.copytree(trained, workspace, dirs_exist_ok=True)
    return workspace


@pytest.fixture(scope="module")
def finetuned_once(trained, tmp_path_factory):
    """A folder in which the stage has run."""
    folder = tmp_path_factory.mktemp("finetuned")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        finetune.main()
    return folder


@pytest.fixture
def finetuned(finetuned_once, workspace):
    """A workspace with a copy of `finetuned_once`."""
    shutil.copytree(finetuned_once, workspace, dirs_exist_ok=True)
    return workspace


def read_metrics() -> dict:
    return json.loads(Path("metrics/finetune.json").read_text())


def read_best_table():
    return predictions.read_predictions(paths.BEST_PREDICTIONS)


@pytest.mark.slow
def test_validation_accuracy_chooses_among_the_fine_tuned_models_and_only_it_is_tested(finetuned):
    metrics = read_metrics()
    models, best = metrics["cuts"], metrics["best"]
    assert list(models) == ["0", "4"]
    layers = max(models, key=lambda name: (models[name]["val_accuracy"], -int(name)))
    assert best["unfreeze"] == layers
    assert best["val"]["accuracy"] == pytest.approx(models[layers]["val_accuracy"], abs=1e-6)
    assert (best["backbone"], best["units"]) == (BACKBONE, 8)
    assert "test" not in json.dumps(models)
    model, table = classifier.load_classifier(paths.CLASSIFIER), read_best_table()
    assert (model.config.head.units, str(model.config.unfreeze)) == (8, layers)
    probabilities = table[[f"p_{genre}" for genre in model.classes]].to_numpy()
    assert model.predict(ThumbnailStore(paths.RESIZED).take(table), "all") == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("val_accuracy", [1.0, pytest.param(2.0, marks=pytest.mark.exhaustive)])
def test_a_trained_model_that_no_fine_tuned_one_surpasses_is_handed_on_with_its_predictions_and_curves(
    selected, val_accuracy
):
    write_selection(selected, val_accuracy)
    finetune.main()
    for name in ("config.json", "extractor.weights.h5", "trained.weights.h5"):
        assert (paths.CLASSIFIER / name).read_bytes() == (paths.model(BACKBONE) / name).read_bytes()
    assert (read_best_table() == predictions.read_predictions(paths.predictions(BACKBONE))).all(axis=None)
    curves = Path("train/accuracy.tsv")
    assert (paths.plots("finetune") / "curves" / curves).read_bytes() == (
        paths.plots("train", BACKBONE) / curves
    ).read_bytes()
    metrics = read_metrics()
    assert (metrics["best"]["unfreeze"], metrics["trained"]) == ("0", {BACKBONE: val_accuracy})
    assert metrics["outcome"].startswith(f"models/best is trained {BACKBONE}: its validation accuracy is ")


@pytest.mark.slow
def test_the_change_of_test_accuracy_by_fine_tuning_is_paired_by_title(finetuned):
    metrics = read_metrics()
    test, before = (
        table.query("split == 'test'")
        for table in (read_best_table(), predictions.read_predictions(paths.predictions(BACKBONE)))
    )
    accuracies = [(table["predicted"] == table["genre"]).mean() for table in (test, before)]
    assert metrics["fine_tuning"]["difference"] == pytest.approx(accuracies[0] - accuracies[1], abs=1e-6)
    assert metrics["fine_tuning"]["titles"] == test["title_id"].nunique()


@pytest.mark.slow
def test_the_model_handed_on_has_figures_and_curves(finetuned):
    names = ["confusion.csv", "confusion.png", "curves", "examples.png", "genres.png", "reliability.csv"]
    assert sorted(path.name for path in paths.plots("finetune").iterdir()) == names
    lines = (paths.plots("finetune") / "curves/val/accuracy.tsv").read_text().splitlines()
    assert lines[0] == "step\taccuracy"
    assert len(lines) == 1 + read_metrics()["cuts"][read_metrics()["best"]["unfreeze"]]["epochs"]


@pytest.mark.slow
def test_only_the_selected_inputs_are_read_and_the_extractor_s_file_is_handed_on(selected, set_params):
    set_params({"finetune.unfreeze": [4], "finetune.epochs": 1})
    extractor = (selected / f"models/extractor/{BACKBONE}.weights.h5").read_bytes()
    for pattern in ("data/features/*", "models/extractor/*", "models/trained/*/*", f"data/predictions/{BACKBONE}*"):
        for path in selected.glob(pattern):
            path.unlink()
    finetune.main()
    assert (selected / "models/classifier/extractor.weights.h5").read_bytes() == extractor
    assert (selected / "models/classifier/trained.weights.h5").stat().st_size < len(extractor)


@pytest.mark.slow
def test_a_model_whose_loss_is_not_finite_is_recorded_and_the_others_count(selected, monkeypatch):
    fit = Trainer.fit

    def overflow_with_a_tail(self, lr, on_epoch_end):
        return fit(self, lr if self.model is self.head else 1e30, on_epoch_end)

    monkeypatch.setattr(Trainer, "fit", overflow_with_a_tail)
    finetune.main()
    metrics = read_metrics()
    assert metrics["cuts"]["4"] == {"failed": "loss is nan in epoch 1 at the learning rate 1e+30"}
    assert metrics["best"]["unfreeze"] == "0"


@pytest.mark.slow
def test_where_all_fine_tuned_models_fail_the_trained_one_is_handed_on(selected):
    write_selection(selected, 0.5, lr=1e30)
    finetune.main()
    metrics = read_metrics()
    reason = {"failed": "loss is nan in epoch 1 at the learning rate 1e+30"}
    assert metrics["cuts"] == {"0": reason, "4": reason}
    assert metrics["fine_tuning"] is None
    scores = metrics["best"]["val"]
    accuracy = format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])
    assert metrics["outcome"] == (
        f"models/best is trained {BACKBONE}: its validation accuracy is {accuracy}; every fine-tuned model failed"
    )
    assert (paths.CLASSIFIER / "config.json").read_bytes() == (paths.model(BACKBONE) / "config.json").read_bytes()


@pytest.mark.slow
def test_missing_inputs_of_the_selected_trial_are_one_line(selected):
    (selected / "models/selected/features.npy").unlink()
    with pytest.raises(InputError, match=r"^models/selected/features\.npy is not there; "):
        finetune.main()


def test_without_a_selected_trial_there_is_one_line(workspace):
    with pytest.raises(InputError, match=r"^metrics/select\.json is not there; `dvc repro select` makes it$"):
        finetune.main()


@pytest.mark.parametrize("text", ["{}", '{"start": {"backbone": "vgg16"}}'])
def test_metrics_without_a_best_trial_are_one_line(workspace, text):
    write_text(paths.metrics("select"), text)
    match = r"^metrics/select\.json names no trial to start from and no best model \(.*\); run `dvc repro select`$"
    with pytest.raises(InputError, match=match):
        finetune.main()


def test_metrics_that_are_no_json_are_one_line(workspace):
    write_text(paths.metrics("select"), "{")
    with pytest.raises(
        InputError, match=r"^metrics/select\.json is no JSON \(.*\); make it anew with `dvc repro select`$"
    ):
        finetune.main()
