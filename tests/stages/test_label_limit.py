"""stages/label_limit.py: fewer genres, beside what fewer labels alone explain."""

import json

import numpy as np
import pytest

from stages import label_limit
from tests.support.synthetic_features import write_dataset
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, ProbeTask

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 8, "experiments.seeds": [1, 2], "label_limit.orders": 1}


@pytest.fixture
def results(workspace, set_params):
    """The dataset and the metrics of three genres, of which "thin" and "bold" are indistinguishable."""
    dataset = write_dataset(workspace, extra_genre=True)
    features = np.load(workspace / "data/features/inception_v3.npy")
    mixed = (dataset["label"] < 2).to_numpy()
    features[mixed] = np.random.default_rng(2).normal(size=(mixed.sum(), 5))
    features[~mixed] = np.random.default_rng(3).normal(9, 1, ((~mixed).sum(), 5))
    np.save(workspace / "data/features/inception_v3.npy", features)
    set_params(PARAMS)
    label_limit.main()
    return dataset, json.loads((workspace / "metrics/label_limit.json").read_text())


def test_one_of_two_indistinguishable_genres_is_removed_first(results):
    dataset, metrics = results
    first, second = metrics["steps"]
    assert (first["left_out"], first["genres"]) == (None, ["thin", "bold", "round"])
    assert second["left_out"] in ("thin", "bold")
    assert second["accuracy"] == 1.0
    assert second["kappa"] == 1.0
    assert metrics["summary"] == bootstrap.change_metrics("one_removed_change", second["against_all_genres"])
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)


def test_every_step_is_compared_with_chance_and_with_the_model_of_all_genres(results):
    _, metrics = results
    for step in metrics["steps"]:
        assert step["gain_over_majority"] == pytest.approx(step["accuracy"] - step["majority_accuracy"], abs=2e-6)
        difference = step["accuracy"] - step["all_genres_accuracy"]
        assert step["against_all_genres"]["difference"] == pytest.approx(difference, abs=2e-6)
    assert metrics["steps"][0]["against_all_genres"] == {"difference": 0.0, "interval": [0.0, 0.0], "titles": 4}


def test_a_random_order_has_a_step_for_each_number_of_genres(results, workspace):
    _, metrics = results
    [order] = metrics["random"]
    assert len(order["order"]) == 1
    assert [step["labels"] for step in order["steps"]] == [2]
    assert (workspace / "plots/label_limit.png").stat().st_size > 1000


def test_the_most_ambiguous_genre_has_most_confusions_and_is_the_first_of_ties():
    labels, rows = np.array([0, 0, 1, 1, 2, 2]), np.arange(6)
    task = ProbeTask(np.zeros((6, 1), np.float32), labels, rows, ["a", "b", "c"], rows, rows, rows)

    def predictions(labels):
        return Predictions(np.eye(3)[labels][None], np.zeros((1, 0, 3)))

    assert label_limit.most_ambiguous(task, predictions([0, 0, 1, 2, 2, 0])) == "c"
    assert label_limit.most_ambiguous(task, predictions([0, 1, 1, 0, 2, 2])) == "a"


def test_features_of_noise_give_chance(workspace, set_params):
    dataset = write_dataset(workspace, extra_genre=True)
    np.save(
        workspace / "data/features/inception_v3.npy",
        np.random.default_rng(1).normal(size=(len(dataset), 5)).astype(np.float32),
    )
    set_params(PARAMS)
    label_limit.main()
    for step in json.loads((workspace / "metrics/label_limit.json").read_text())["steps"]:
        assert abs(step["kappa"]) < 0.4


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ("train", "2 genres with train images; none can be left out of fewer than 3"),
        ("val", "1 genre with train images; none can be left out of fewer than 3"),
    ],
)
def test_with_two_genres_or_fewer_the_stage_is_skipped(workspace, set_params, split, reason):
    dataset = write_dataset(workspace)
    moved = (dataset["genre"] == "bold") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(moved, split)), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS)
    label_limit.main()
    metrics = json.loads((workspace / "metrics/label_limit.json").read_text())
    assert (metrics["skipped"], metrics["outcome"], metrics["summary"]) == (reason, f"skipped: {reason}", {})
    assert (workspace / "plots/label_limit.png").stat().st_size > 1000


def test_the_outcome_names_the_number_of_genres_and_says_where_titles_are_too_few(results):
    _, metrics = results
    first, last = metrics["steps"]
    values = [
        bootstrap.format_value(step["accuracy"], step["accuracy_interval"], step["groups"]) for step in (first, last)
    ]
    full = "the three-way model restricted to the remaining ones"
    assert metrics["outcome"] == (
        f"accuracy of 3 genres {values[0]}; of 2 {values[1]}; "
        f"without {last['left_out']} against {full}: {bootstrap.verdict(last['against_all_genres'])}; "
        f"too few test titles ({last['groups']}) to tell whether the model of fewer genres beats {full}"
    )
