"""stages/pairs.py: binary models of two genres."""

import json

import numpy as np
import pytest

from stages import pairs
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, ProbeTask

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 15, "experiments.seeds": [1, 2]}


def run(workspace, set_params, which):
    dataset = write_dataset(workspace, extra_genre=True)
    set_params(PARAMS | {"pairs.which": which})
    pairs.main()
    return dataset, json.loads((workspace / "metrics/pairs.json").read_text())


def test_each_pair_is_scored_on_the_test_rows_of_its_genres(workspace, set_params):
    dataset, metrics = run(workspace, set_params, [["thin", "bold"], ["bold", "round"]])
    assert list(metrics["pairs"]) == ["bold_round", "thin_bold"]
    for scores in metrics["pairs"].values():
        test = dataset[(dataset["split"] == "test") & dataset["genre"].isin(scores["genres"])]
        assert scores["test"]["images"] == len(test)
        assert set(scores["test"]["per_genre"]) == set(scores["genres"])
        assert scores["test"]["accuracy"] > 0.8
        assert scores["test"]["auc"] > 0.8
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)
    assert metrics["left_out"] == []
    for name in ("pairs", "pairs_map"):
        assert (workspace / f"plots/{name}.png").stat().st_size > 1000


def test_which_all_trains_all_pairs(workspace, set_params):
    _, metrics = run(workspace, set_params, "all")
    pairs = metrics["pairs"].values()
    assert {frozenset(scores["genres"]) for scores in pairs} == {
        frozenset(pair) for pair in (("thin", "bold"), ("thin", "round"), ("bold", "round"))
    }
    accuracies = [scores["test"]["accuracy"] for scores in pairs]
    assert metrics["outcome"].startswith(f"{sum(accuracy >= 0.87 for accuracy in accuracies)} of 3 pairs")
    assert metrics["summary"]["least_accuracy"] == min(accuracies)
    assert metrics["summary"]["mean_accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-6)


def make_task(labels, val):
    return ProbeTask(
        np.zeros((len(labels), 1), np.float32), labels, np.arange(len(labels)), ["a", "b", "c"], val, val, val
    )


def test_pairs_are_ranked_by_confusion_on_validation_rows():
    labels = np.array([0, 0, 1, 1, 2, 2, 0, 0])  # the last two are in no split
    predicted = np.array([0, 0, 2, 1, 1, 1])
    probabilities = np.eye(3)[predicted][None]
    task = make_task(labels, np.arange(6))
    confusion = probe.confusion_shares(task, Predictions(probabilities, probabilities))
    assert confusion[1, 2] == pytest.approx(0.5 + 1.0)
    assert confusion[0, 1] == 0
    assert pairs.rank(["a", "b", "c"], confusion) == [["b", "c"], ["a", "b"], ["a", "c"]]
    assert pairs.select(1, ["a", "b", "c"], confusion) == [["b", "c"]]


def test_the_majority_genre_is_that_of_the_train_rows(workspace, set_params):
    _, metrics = run(workspace, set_params, [["bold", "thin"]])
    assert metrics["pairs"]["bold_thin"]["majority_accuracy"] == pytest.approx(8 / 12, abs=1e-6)


def test_a_pair_is_compared_with_the_ten_way_model_restricted_to_it():
    labels, rows = np.array([0, 0, 1, 1]), np.arange(4)
    task = ProbeTask(np.zeros((4, 1), np.float32), labels, rows, ["a", "b"], rows, rows, rows)
    right, half_right = np.eye(2)[labels][None], np.eye(2)[[0, 1, 1, 0]][None]
    scores = pairs.pair_scores(task, right, half_right, 1)
    assert scores["ten_way_accuracy"] == 0.5
    assert scores["against_ten_way"]["difference"] == 0.5
    assert predicted_labels(right).tolist() == [labels.tolist()]


def test_features_of_noise_give_chance(workspace, set_params):
    write_dataset(workspace)
    noise = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)
    np.save(workspace / "data/features/vgg16.npy", noise)
    set_params(PARAMS | {"pairs.which": [["thin", "bold"]]})
    pairs.main()
    scores = json.loads((workspace / "metrics/pairs.json").read_text())["pairs"]["thin_bold"]
    assert scores["test"]["balanced_accuracy"] < 0.75
    assert scores["test"]["auc_interval"][0] < 0.75


@pytest.mark.parametrize("wrong", [["thin", "round"], ["thin"], ["thin", "thin"]])
def test_an_invalid_pair_is_refused_before_anything_is_written(workspace, set_params, wrong):
    write_dataset(workspace)
    set_params({"pairs.which": [["thin", "bold"], wrong]})
    with pytest.raises(InputError) as error:
        pairs.main()
    assert str(error.value) == f"pairs.which has {wrong}: give two different genres of thin, bold"
    assert not (workspace / "metrics").exists()


def test_zero_pairs_are_refused(workspace, set_params):
    write_dataset(workspace)
    set_params({"pairs.which": 0})
    with pytest.raises(InputError, match=r"^pairs.which is 0: give all, a number of pairs from 1, or a list of pairs$"):
        pairs.main()


def test_pairs_of_a_genre_without_train_rows_are_left_out(workspace, set_params):
    dataset = write_dataset(workspace, extra_genre=True)
    lost = (dataset["genre"] == "round") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(lost, "val")), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS | {"pairs.which": "all"})
    pairs.main()
    metrics = json.loads((workspace / "metrics/pairs.json").read_text())
    assert list(metrics["pairs"]) == ["thin_bold"]
    assert sorted(metrics["left_out"]) == [["bold", "round"], ["thin", "round"]]
