"""stages/leakage.py: how much a random split inflates scores."""

import json

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stages import leakage
from webtoon_genre.data.tables import DATASET, INDEX, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ProbeTask

PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 30,
    "experiments.patience": 30,
    "experiments.seeds": [1, 2],
    "leakage.examples": 4,
}


def write_inputs(workspace, kind: str) -> pd.DataFrame:
    """30 titles of 10 images in two genres; features encode the "genre" or the "title" and nothing else."""
    rows = [
        (title, no, ["thin", "bold"][title % 2], title % 2, "train", title) for title in range(30) for no in range(10)
    ]
    dataset = pd.DataFrame(rows, columns=DATASET.names)
    dataset["split"] = np.asarray(["train", "train", "train", "val", "test"])[dataset["title_id"] // 2 % 5]
    write_table(dataset, DATASET, workspace / "data/dataset.parquet")
    files = dataset["title_id"].astype(str)
    index = dataset.assign(file=files, row=dataset["no"], sha256="", width=8, height=8, perceptual_hash="")
    write_table(index, INDEX, workspace / "data/resized/index.parquet")
    for title in range(30):
        np.save(workspace / f"data/resized/{title}.npy", np.full((10, 8, 8, 3), 8 * title, np.uint8))
    codes = np.eye(30)[dataset["title_id"]] if kind == "title" else np.tile(np.eye(2)[dataset["label"]], 15)
    features = 3 * codes + np.random.default_rng(0).normal(0, 0.3, (len(dataset), 30))
    (workspace / "data/features").mkdir()
    np.save(workspace / "data/features/inception_v3.npy", features.astype(np.float32))
    return dataset


def run(workspace, set_params):
    set_params(PARAMS)
    leakage.main()
    return json.loads((workspace / "metrics/leakage.json").read_text())


def test_features_of_titles_leak_and_the_nearest_image_is_of_the_same_title(workspace, set_params):
    dataset = write_inputs(workspace, "title")
    metrics = run(workspace, set_params)
    assert metrics["leakage"]["accuracy"]["interval"][0] > 0.1
    assert metrics["splits"]["image"]["nearest_of_same_title"] == 1.0
    assert metrics["splits"]["title"]["nearest_of_same_title"] == 0.0
    change = metrics["leakage"]["accuracy"]
    assert metrics["outcome"] == (
        f"accuracy with a random split against titles kept apart: a gain, {bootstrap.describe(change)}"
    )
    assert change["titles"] == 30
    assert metrics["splits"]["image"]["images"] == metrics["splits"]["title"]["images"] == 300
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)
    assert metrics["summary"] == bootstrap.change_metrics("random_split_change", change)
    for name in ("leakage", "leakage_neighbours"):
        assert (workspace / f"plots/{name}.png").stat().st_size > 1000


def test_features_of_genres_do_not_leak(workspace, set_params):
    write_inputs(workspace, "genre")
    metrics = run(workspace, set_params)
    low, high = metrics["leakage"]["accuracy"]["interval"]
    assert low <= 0 <= high
    assert metrics["splits"]["title"]["nearest_of_same_genre"] == 1.0


@given(st.integers(0, 2**32 - 1))
def test_the_nearest_train_row_has_the_smallest_angle_and_is_another_row(seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(12, 4)).astype(np.float32)
    rows = np.arange(12)
    task = ProbeTask(features, rows % 2, rows, ["a", "b"], rows[:8], rows[8:10], rows[10:])
    neighbours = leakage.nearest(task, rows[6:], "rows")
    scaled = (features - features[:8].mean(axis=0)) / features[:8].std(axis=0)
    for row, neighbour in zip(rows[6:], neighbours, strict=True):
        cosine = scaled[:8] @ scaled[row] / np.linalg.norm(scaled[:8], axis=1)
        cosine[rows[:8] == row] = -np.inf
        assert neighbour == cosine.argmax()


def test_examples_are_one_a_title_of_several_images():
    rows = np.arange(21)  # the last title has one image
    task = ProbeTask(np.zeros((21, 1)), rows % 2, rows // 4, ["a", "b"], rows[:0], rows[:0], rows)
    examples = leakage.choose_examples(task, 8, 1)
    assert len(examples) == 5
    assert sorted(rows[examples] // 4) == [0, 1, 2, 3, 4]
    assert leakage.choose_examples(task, 2, 1).tolist() == examples[:2].tolist()
    assert leakage.choose_examples(task, 8, 2).tolist() != examples.tolist()


def test_where_each_title_has_one_image_the_stage_is_skipped(workspace, set_params):
    dataset = write_inputs(workspace, "genre")
    write_table(
        dataset.assign(group=dataset.index, title_id=dataset.index), DATASET, workspace / "data/dataset.parquet"
    )
    metrics = run(workspace, set_params)
    assert metrics["outcome"] == (
        "skipped: each title has one image, so that a random split keeps titles apart too: no leakage can be measured"
    )
    assert metrics["summary"] == {}
    for name in ("leakage", "leakage_neighbours"):
        assert (workspace / f"plots/{name}.png").stat().st_size > 1000
