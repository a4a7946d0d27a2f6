"""stages/export.py: the model handed on, as a folder that ONNX Runtime alone can use."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import webtoon_genre
from stages import export
from tests.conftest import edit_params
from tests.support.exported_model import train_and_export
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import paths
from webtoon_genre.data.tables import DATASET, TITLES, ThumbnailStore, read_table, write_table
from webtoon_genre.inference import explain
from webtoon_genre.inference.head import load_head
from webtoon_genre.training.predictions import PREFIX, read_predictions

KINDS = {
    "fine-tuned": -1.0,
    "trained": 2.0,
}  # models handed on; validation accuracy of the trained one, see train_and_export
FILES = [
    "config.json",
    "extractor.weights.h5",
    "head.npz",
    "images.npz",
    "model.onnx",
    "titles.npz",
    "trained.weights.h5",
]


def build(folder: Path, val_accuracy: float) -> None:
    """Train, fine-tune and export in `folder`; val_accuracy: of the trained model, as `finetune` reads it."""
    unfreeze = [4] if val_accuracy < 0 else [0]  # where the trained model is handed on, the quickest one will do
    values = {"finetune.unfreeze": unfreeze, "finetune.epochs": 1, "train.epochs": 2, "train.backbones": [BACKBONE]}
    edit_params(folder / "params.yaml", values)
    write_titles()
    train_and_export(val_accuracy)


@pytest.fixture(scope="module")
def folder_of(pipeline_inputs, tmp_path_factory) -> Callable[[str], Path]:
    """A function that returns a folder in which a model of this kind was handed on and exported."""

    @cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("export") / kind
        shutil.copytree(pipeline_inputs, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            build(folder, KINDS[kind])
        return folder

    return make


@pytest.fixture
def exported(request, folder_of, workspace) -> Path:
    """A copy of one of them, that of the trained model where a test does not say."""
    shutil.copytree(folder_of(getattr(request, "param", "trained")), workspace, dirs_exist_ok=True)
    return workspace


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
@pytest.mark.parametrize("exported", KINDS, indirect=True)
def test_the_exported_model_predicts_what_evaluate_scored(exported):
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


@pytest.mark.slow
def test_titles_are_those_of_train_rows_in_style_space(exported):
    model, dataset = webtoon_genre.load(paths.BEST), read_table(paths.DATASET, DATASET)
    train_rows = (dataset["split"] == "train").to_numpy()
    style = np.load(paths.BEST_STYLE).astype(np.float64)
    title_ids = sorted(dataset.loc[train_rows, "title_id"].unique())
    assert model.titles.title_ids.tolist() == title_ids
    assert len(model.titles.examples) == len(title_ids)  # of the demo site
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
def test_temperature_and_distance_are_fitted_on_validation_images(exported):
    model, metrics = webtoon_genre.load(paths.BEST), read_metrics()
    assert metrics["val"]["log_loss"] <= metrics["val"]["log_loss_before"] + 1e-6
    dataset = read_table(paths.DATASET, DATASET)
    val = dataset[dataset["split"] == "val"]
    predictions = model.predict(list(ThumbnailStore(paths.RESIZED).take(val)))
    share = np.mean([prediction.unlike for prediction in predictions])
    assert share <= 0.05
    assert metrics["unlike"]["val"]["share"] == pytest.approx(share, abs=0.03)  # ONNX Runtime's last bits
    assert metrics["unlike"]["val"]["titles"] == val["group"].nunique()
    losses = [
        -np.log(prediction.probabilities[genre]) for prediction, genre in zip(predictions, val["genre"], strict=True)
    ]
    assert np.mean(losses) == pytest.approx(metrics["val"]["log_loss"], abs=1e-4)
    assert model.config.temperature == metrics["temperature"]
    assert model.config.scores["test"].groups == dataset.loc[dataset["split"] == "test", "group"].nunique()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "allowed", "has"),
    [("folder", False, False), ("folder", True, True), ("naver", True, False)],
)
def test_examples_are_there_where_pictures_may_be_passed_on(exported, set_params, source, allowed, has):
    set_params({"crawl.source": source, "export.folder_examples": allowed})
    export.main()
    index = webtoon_genre.load(paths.BEST).titles
    assert len(index.examples) == (len(index.titles) if has else 0)
    assert index.examples.shape[1:] == (56, 56, 3)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(exported, run_stage):
    contents = []
    for _ in range(2):
        done = run_stage("export")
        assert done.returncode == 0, done.stderr
        contents.append({path: path.read_bytes() for path in sorted(paths.BEST.iterdir())})
    assert contents[0] == contents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "exported", ["trained", pytest.param("fine-tuned", marks=pytest.mark.exhaustive)], indirect=True
)
def test_heat_maps_agree_with_occlusion_on_test_images(exported):
    model, head = webtoon_genre.load(paths.BEST), load_head(paths.BEST)
    dataset = read_table(paths.DATASET, DATASET)
    rows = dataset[dataset["split"] == "test"].iloc[:12]
    predictions = model.predict(list(ThumbnailStore(paths.RESIZED).take(rows)))
    agreements = [explain.check(model, explain.explain(model, head, prediction)) for prediction in predictions]
    # by chance the mean of so many rank correlations is 0; it is twice its standard error above
    assert np.mean(agreements) > 2 * np.std(agreements, ddof=1) / np.sqrt(len(agreements))


@pytest.mark.parametrize(("spread", "expected"), [(0.1, 1.0), (100.0, 0.0)])
def test_the_last_image_of_a_title_finds_it_where_titles_differ_in_style(spread, expected):
    generator, titles, images = np.random.default_rng(1), 40, 4
    title_ids = np.repeat(np.arange(titles), images)
    rows = {"title_id": title_ids, "no": np.tile(np.arange(images), titles), "genre": "drama", "split": "train"}
    dataset = pd.DataFrame(rows | {"label": 0, "group": title_ids})
    style = generator.normal(size=(titles, 20))[title_ids] + generator.normal(0, spread, (len(title_ids), 20))
    index = export.index_titles(dataset, style.astype(np.float32), pd.Series(dtype=str), None)
    recall = export.own_title_recall(dataset, style.astype(np.float32), index, 1)
    assert recall["titles_searched"] == titles
    assert recall["recall_at_1"] == pytest.approx(expected, abs=0.15)
    assert recall["recall_at_1"] <= recall["recall_at_5"]
    low, high = recall["recall_at_5_interval"]
    assert low <= recall["recall_at_5"] <= high
