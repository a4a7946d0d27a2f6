"""stages/finetune.py: the best trial trained again, and the model that is handed on."""

import json

import pytest

from stages import finetune, select
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.training import classifier
from webtoon_genre.training.trainer import Trainer

TRIAL = {"backbone": BACKBONE, "units": 8, "lr": 0.003, "unfreeze": "0", "val_accuracy": 0.5}


@pytest.fixture
def selected(training_workspace, set_params):
    """A workspace in which `select` has chosen a trial."""
    (training_workspace / "metrics").mkdir(exist_ok=True)
    (training_workspace / "metrics/select.json").write_text(json.dumps({"best": TRIAL, "cells": 4, "cuts": {}}))
    select.hand_on(BACKBONE)
    set_params({"finetune.unfreeze": [0, 4], "finetune.epochs": 3})
    return training_workspace


@pytest.mark.slow
def test_validation_accuracy_chooses_the_model_and_only_it_is_tested(selected):
    finetune.main()
    metrics = json.loads((selected / "metrics/finetune.json").read_text())
    models, best = metrics["cuts"], metrics["best"]
    assert list(models) == ["0", "4"]
    layers = max(models, key=lambda name: (models[name]["val_accuracy"], -int(name)))
    assert best["unfreeze"] == layers
    assert best["val"]["accuracy"] == pytest.approx(models[layers]["val_accuracy"], abs=1e-6)
    assert (best["backbone"], best["units"], best["lr"]) == (BACKBONE, 8, 0.003)
    assert "test" not in json.dumps(models)
    model = classifier.load_classifier(selected / "models/best")
    assert (model.config.head.units, str(model.config.unfreeze)) == (8, layers)
    rows = read_table(selected / "data/dataset.parquet", DATASET).query("split == 'test'")
    predicted = model.predict(ThumbnailStore(selected / "data/resized").take(rows), "test").argmax(axis=1)
    assert (predicted == rows["label"]).mean() == pytest.approx(best["test"]["accuracy"], abs=1e-6)


@pytest.mark.slow
def test_only_the_selected_inputs_are_read_and_the_extractor_s_file_is_handed_on(selected, set_params):
    set_params({"finetune.unfreeze": [4], "finetune.epochs": 1})
    extractor = (selected / f"models/extractor/{BACKBONE}.weights.h5").read_bytes()
    for path in [*selected.glob("data/features/*"), *selected.glob("models/extractor/*")]:
        path.unlink()
    finetune.main()
    assert (selected / "models/best/extractor.weights.h5").read_bytes() == extractor
    assert (selected / "models/best/trained.weights.h5").stat().st_size < len(extractor)


@pytest.mark.slow
def test_a_model_whose_loss_is_not_finite_is_recorded_and_the_others_count(selected, monkeypatch):
    fit = Trainer.fit

    def overflow_with_a_tail(self, lr):
        return fit(self, lr if self.model is self.head else 1e30)

    monkeypatch.setattr(Trainer, "fit", overflow_with_a_tail)
    finetune.main()
    metrics = json.loads((selected / "metrics/finetune.json").read_text())
    assert metrics["cuts"]["4"] == {"failed": "loss is nan in epoch 1 at the learning rate 1e+30"}
    assert metrics["best"]["unfreeze"] == "0"


@pytest.mark.slow
def test_where_all_models_fail_there_is_one_line_and_an_earlier_model_stays(selected):
    (selected / "metrics/select.json").write_text(json.dumps({"best": {**TRIAL, "lr": 1e30}}))
    (selected / "models/best").mkdir()
    with pytest.raises(InputError) as caught:
        finetune.main()
    reason = "loss is nan in epoch 1 at the learning rate 1e+30"
    assert str(caught.value) == (
        f"{BACKBONE}: 0 unfrozen: {reason}, 4 unfrozen: {reason}; lower handling.grid.lr, of which 1e+30 is the best trial's"
    )
    assert (selected / "models/best").is_dir()
    assert not (selected / "metrics/finetune.json").exists()


def test_missing_inputs_of_the_selected_trial_are_one_line(selected):
    (selected / "models/selected/features.npy").unlink()
    with pytest.raises(InputError, match=r"^models/selected/features\.npy is not there; "):
        finetune.main()


def test_without_a_selected_trial_there_is_one_line(selected):
    (selected / "metrics/select.json").unlink()
    with pytest.raises(InputError, match=r"^metrics/select\.json is not there; `dvc repro select` makes it$"):
        finetune.main()


@pytest.mark.parametrize("text", ["{}", '{"best": {"backbone": "vgg16"}}'])
def test_metrics_without_a_best_trial_are_one_line(selected, text):
    (selected / "metrics/select.json").write_text(text)
    with pytest.raises(InputError, match=r"^metrics/select\.json names no best trial \(.*\); run `dvc repro select`$"):
        finetune.main()
    assert not (selected / "models/best").exists()


def test_metrics_that_are_no_json_are_one_line(selected):
    (selected / "metrics/select.json").write_text("{")
    with pytest.raises(
        InputError, match=r"^metrics/select\.json is no JSON \(.*\); make it anew with `dvc repro select`$"
    ):
        finetune.main()
