"""bench/study_scores.py: a backbone and the colour histogram on the same images, titles and labels."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from bench import study_scores
from webtoon_genre.core import paths
from webtoon_genre.core.files import round_floats
from webtoon_genre.data.tables import TITLES, write_table
from webtoon_genre.training.predictions import held_out, prediction_table, score_table, write_predictions

GENRES = ["comic", "drama", "pure"]


@pytest.fixture
def predictions(synthetic_dataset):
    """Predictions of a backbone that is right in half of the images, in data/predictions/, in another order than the dataset."""
    rows = synthetic_dataset.iloc[held_out(synthetic_dataset)]
    labels = (rows["label"].to_numpy() + rows["no"].to_numpy() % 2) % 3
    table = prediction_table(rows, np.eye(3, dtype=np.float32)[labels], GENRES)
    write_predictions(table.iloc[::-1].reset_index(drop=True), paths.predictions("vgg16"))
    return table


def write_unseen(folder: Path, dataset: pd.DataFrame) -> None:
    """Titles with names, and one picture of each in the brightest channel of its label."""
    titles = dataset.drop_duplicates("title_id")
    names = titles["title_id"].map("title {}".format)
    columns = dict.fromkeys(TITLES.names) | {"title_id": titles["title_id"], "title": names}
    columns |= {"authors": [[]] * len(titles), "genres": [[]] * len(titles), "adult": False, "source": "folder"}
    write_table(pd.DataFrame(columns), TITLES, paths.TITLES)
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as stream:
        manifest = csv.writer(stream)
        manifest.writerow(["path", "title"])
        for row, name in zip(titles.itertuples(), names, strict=True):
            image = np.zeros((32, 32, 3), np.uint8)
            image[..., row.label] = 150
            (folder / row.genre).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / row.genre / f"{row.title_id}.png"), image[..., ::-1])
            manifest.writerow([f"{row.genre}/{row.title_id}.png", name])


def test_the_backbone_s_scores_are_those_of_its_predictions_and_the_difference_is_of_the_same_images(predictions):
    study_scores.main("vgg16")
    scores = json.loads(paths.metrics("study_scores").read_text())["test"]
    assert scores["backbone"] == round_floats(score_table(predictions, 77)["test"])
    assert (scores["backbone"]["accuracy"], scores["colour_histogram"]["accuracy"]) == (0.5, 1.0)
    assert scores["difference"] == {"difference": -0.5, "interval": [-0.5, -0.5], "titles": 3}


def test_of_another_vendor_the_pictures_of_test_titles_are_scored(synthetic_dataset, tmp_path):
    write_unseen(tmp_path / "unseen", synthetic_dataset)
    titles = pd.read_parquet(paths.TITLES)
    rows = study_scores.unseen_rows(tmp_path / "unseen", synthetic_dataset, titles)
    assert rows.to_numpy().tolist() == [["comic/1.png", 1, 0], ["drama/11.png", 11, 1], ["pure/21.png", 21, 2]]


def test_another_vendor_is_scored_by_both_models(predictions, synthetic_dataset, tmp_path, monkeypatch, set_params):
    write_unseen(tmp_path / "unseen", synthetic_dataset)
    set_params({"resize.side": 16})

    class Model:
        def predict(self, images: np.ndarray, label: str) -> np.ndarray:
            assert images.shape == (3, 16, 16, 3)
            return images.mean(axis=(1, 2))

    monkeypatch.setattr(study_scores, "start_keras", lambda runtime: None)
    monkeypatch.setattr(study_scores, "load_classifier", lambda folder: Model())
    study_scores.main("vgg16", tmp_path / "unseen")
    scores = json.loads(paths.metrics("study_scores").read_text())
    assert scores["unseen"]["backbone"]["accuracy"] == 1.0
    assert {scores["unseen"][name]["groups"] for name in ("backbone", "colour_histogram")} == {3}
    assert scores["test"]["backbone"]["accuracy"] == 0.5
