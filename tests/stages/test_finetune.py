"""stages/finetune.py: the best cell trained again, and the model that is handed on."""

import json

import pytest

from stages import finetune
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.training import classifier

CELL = {"backbone": BACKBONE, "units": 8, "lr": 0.003, "unfreeze": "0", "val_accuracy": 0.5}


@pytest.fixture
def selected(training_workspace, set_params):
    """A workspace in which a cell was selected."""
    (training_workspace / "metrics").mkdir(exist_ok=True)
    (training_workspace / "metrics/select.json").write_text(json.dumps({"best": CELL, "cells": 4, "cuts": {}}))
    set_params({"finetune.unfreeze": [0, 4], "finetune.epochs": 3})
    return training_workspace


def test_the_best_cut_by_validation_is_saved_and_only_it_is_tested(selected):
    finetune.main()
    found = json.loads((selected / "metrics/finetune.json").read_text())
    assert list(found["cuts"]) == ["0", "4"]
    best = max(found["cuts"], key=lambda cut: (found["cuts"][cut]["val_accuracy"], -int(cut)))
    assert found["best"]["unfreeze"] == best
    assert found["best"]["val"]["accuracy"] == pytest.approx(found["cuts"][best]["val_accuracy"], abs=1e-6)
    assert (found["best"]["backbone"], found["best"]["units"], found["best"]["lr"]) == (BACKBONE, 8, 0.003)
    assert "test" not in json.dumps(found["cuts"])
    model = classifier.load_classifier(selected / "models/best")
    assert (model.config.head.units, str(model.config.unfreeze)) == (8, best)
    rows = read_table(selected / "data/dataset.parquet", DATASET).query("split == 'test'")
    predicted = model.predict(ThumbnailStore(selected / "data/resized").take(rows), "test").argmax(axis=1)
    assert (predicted == rows["label"]).mean() == pytest.approx(found["best"]["test"]["accuracy"], abs=1e-6)


def test_the_frozen_part_is_stored_as_the_file_that_is_there_already(selected, set_params):
    set_params({"finetune.unfreeze": [4], "finetune.epochs": 1})
    finetune.main()
    trunk = (selected / f"models/trunk/{BACKBONE}.weights.h5").read_bytes()
    assert (selected / "models/best/trunk.weights.h5").read_bytes() == trunk
    assert (selected / "models/best/trained.weights.h5").stat().st_size < len(trunk)


def test_without_a_selected_cell_is_one_line(selected):
    (selected / "metrics/select.json").unlink()
    with pytest.raises(InputError, match=r"^metrics/select\.json is not there; `dvc repro select` makes it$"):
        finetune.main()


@pytest.mark.parametrize("text", ["{", "{}", '{"best": {"backbone": "vgg16"}}'])
def test_a_file_that_names_no_cell_is_one_line(selected, text):
    (selected / "metrics/select.json").write_text(text)
    with pytest.raises(InputError, match=r"^metrics/select\.json names no best cell \(.*\); run `dvc repro select`$"):
        finetune.main()
    assert not (selected / "models/best").exists()
