"""stages/export.py: the model handed on, as a folder that ONNX Runtime alone can use."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import webtoon_genre
from stages import export, finetune, select, train
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import paths
from webtoon_genre.core.files import write_text
from webtoon_genre.data.tables import DATASET, TITLES, ThumbnailStore, read_table, write_table
from webtoon_genre.training.predictions import PREFIX, read_predictions

FILES = [
    "config.json",
    "extractor.weights.h5",
    "head.npz",
    "images.npz",
    "model.onnx",
    "titles.npz",
    "trained.weights.h5",
]


@pytest.fixture(params=[-1.0, 2.0], ids=["fine-tuned", "trained"])
def finetuned(request, training_workspace, set_params) -> Path:
    """A workspace in which `finetune` handed on a fine-tuned model, or the trained one."""
    set_params({"finetune.unfreeze": [4], "finetune.epochs": 1, "train.epochs": 2, "train.backbones": [BACKBONE]})
    train.main(BACKBONE)
    select.hand_on(BACKBONE, BACKBONE)
    shutil.copy(paths.predictions(BACKBONE), paths.HISTOGRAM_PREDICTIONS)
    trial = {"backbone": BACKBONE, "units": 8, "lr": 0.003, "unfreeze": "0"}
    selection = {"start": trial, "best_trained": BACKBONE, "trained": {BACKBONE: request.param}}
    write_text(training_workspace / paths.metrics("select"), json.dumps(selection))
    finetune.main()
    write_titles()
    return training_workspace


def write_titles() -> None:
    """data/raw/titles.parquet for the titles of the dataset."""
    title_ids = read_table(paths.DATASET, DATASET)["title_id"].unique()
    rows = [
        {"title_id": title_id, "title": f"제목 {title_id}", "authors": [], "genres": [], "source": "demo"}
        for title_id in title_ids
    ]
    write_table(pd.DataFrame(rows).reindex(columns=TITLES.names), TITLES, paths.TITLES)


def read_metrics() -> dict:
    return json.loads(Path("metrics/export.json").read_text())


@pytest.mark.slow
def test_the_exported_model_predicts_what_evaluate_scored(finetuned):
    export.main()
    assert sorted(path.name for path in paths.BEST.iterdir()) == FILES
    model, table = webtoon_genre.load(paths.BEST), read_predictions(paths.BEST_PREDICTIONS)
    expected = table[[f"{PREFIX}{label}" for label in model.classes]].to_numpy()
    probabilities, style = model.run(ThumbnailStore(paths.RESIZED).take(table))
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), expected.argmax(axis=1))
    dataset = read_table(paths.DATASET, DATASET)
    held_out = dataset["split"].isin(["val", "test"]).to_numpy()
    stored = np.load(paths.BEST_STYLE)[held_out]
    np.testing.assert_allclose(style, stored, rtol=0, atol=1e-5 * np.abs(stored).max())


@pytest.fixture
def exported(finetuned) -> Path:
    """The workspace after `export`; run for one kind of model in most tests."""
    export.main()
    return finetuned


@pytest.mark.slow
@pytest.mark.parametrize("finetuned", [2.0], indirect=True)
def test_titles_are_those_of_train_rows_in_style_space(exported):
    model, dataset = webtoon_genre.load(paths.BEST), read_table(paths.DATASET, DATASET)
    train_rows = (dataset["split"] == "train").to_numpy()
    style = np.load(paths.BEST_STYLE).astype(np.float64)
    title_ids = sorted(dataset.loc[train_rows, "title_id"].unique())
    assert model.titles.title_ids.tolist() == title_ids
    assert model.titles.titles.tolist() == [f"제목 {title_id}" for title_id in title_ids]
    standardised = model.titles.standardise(style[train_rows])
    varies = model.titles.deviation > 1e-6
    np.testing.assert_allclose(standardised[:, varies].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(standardised[:, varies].std(axis=0), 1, atol=1e-3)
    rows = train_rows & (dataset["title_id"] == title_ids[3]).to_numpy()
    expected = model.titles.standardise(style[rows]).mean(axis=0)
    np.testing.assert_allclose(model.titles.vectors[3], expected, atol=1e-3)
    genre_of = dict(zip(dataset["title_id"], dataset["genre"], strict=True))
    assert model.titles.genres.tolist() == [genre_of[title_id] for title_id in title_ids]


@pytest.mark.slow
@pytest.mark.parametrize("finetuned", [2.0], indirect=True)
def test_temperature_and_distance_are_fitted_on_validation_images(exported):
    model, metrics = webtoon_genre.load(paths.BEST), read_metrics()
    assert metrics["val"]["log_loss"] <= metrics["val"]["log_loss_before"] + 1e-6
    dataset = read_table(paths.DATASET, DATASET)
    val = dataset[dataset["split"] == "val"]
    predictions = model.predict(list(ThumbnailStore(paths.RESIZED).take(val)))
    assert np.mean([prediction.unlike for prediction in predictions]) <= 0.05
    losses = [
        -np.log(prediction.probabilities[genre]) for prediction, genre in zip(predictions, val["genre"], strict=True)
    ]
    assert np.mean(losses) == pytest.approx(metrics["val"]["log_loss"], abs=1e-4)
    assert model.config.temperature == metrics["temperature"]
    assert model.config.scores["test"].groups == dataset.loc[dataset["split"] == "test", "group"].nunique()


@pytest.mark.slow
@pytest.mark.parametrize("finetuned", [2.0], indirect=True)
@pytest.mark.parametrize(
    ("source", "allowed", "has"),
    [("demo", False, True), ("folder", False, False), ("folder", True, True), ("naver", True, False)],
)
def test_examples_are_there_where_pictures_may_be_passed_on(finetuned, set_params, source, allowed, has):
    set_params({"crawl.source": source, "export.folder_examples": allowed})
    export.main()
    index = webtoon_genre.load(paths.BEST).titles
    assert len(index.examples) == (len(index.titles) if has else 0)
    assert index.examples.shape[1:] == (56, 56, 3)


@pytest.mark.slow
@pytest.mark.parametrize("finetuned", [2.0], indirect=True)
def test_two_processes_write_the_same_bytes(finetuned, run_stage):
    contents = []
    for _ in range(2):
        done = run_stage("export")
        assert done.returncode == 0, done.stderr
        contents.append({path: path.read_bytes() for path in sorted(paths.BEST.iterdir())})
    assert contents[0] == contents[1]
