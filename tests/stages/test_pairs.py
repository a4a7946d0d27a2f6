"""stages/pairs.py: two genres at a time."""

import json

import numpy as np
import pytest

from stages import pairs
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, ProbeTask

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 15, "experiments.seeds": [1, 2]}


def run(workspace, set_params, which):
    dataset = write_dataset(workspace, extra_genre=True)
    set_params(PARAMS | {"pairs.which": which})
    pairs.main()
    return dataset, json.loads((workspace / "metrics/pairs.json").read_text())


def test_each_pair_is_scored_on_its_own_test_rows(workspace, set_params):
    dataset, told = run(workspace, set_params, [["thin", "bold"], ["bold", "round"]])
    assert list(told["pairs"]) == ["bold_round", "thin_bold"]
    for result in told["pairs"].values():
        test = dataset[(dataset["split"] == "test") & dataset["genre"].isin(result["genres"])]
        assert result["test"]["images"] == len(test)
        assert set(result["test"]["per_genre"]) == set(result["genres"])
        assert result["test"]["accuracy"] > 0.8
        assert result["test"]["auc"] > 0.8
    assert told["scored_rows"] == probe.test_rows_digest(dataset)
    assert told["left_out"] == []
    for name in ("pairs", "pairs_map"):
        assert (workspace / f"plots/{name}.png").stat().st_size > 1000


def test_all_pairs_are_trained_where_all_are_asked_for(workspace, set_params):
    _, told = run(workspace, set_params, "all")
    assert {frozenset(each["genres"]) for each in told["pairs"].values()} == {
        frozenset(pair) for pair in (("thin", "bold"), ("thin", "round"), ("bold", "round"))
    }
    assert told["outcome"].startswith(
        f"{sum(each['test']['accuracy'] >= 0.87 for each in told['pairs'].values())} of 3 pairs"
    )


def task(labels, val):
    return ProbeTask(
        np.zeros((len(labels), 1), np.float32), labels, np.arange(len(labels)), ["a", "b", "c"], val, val, val
    )


def test_the_most_confused_pairs_come_first_and_are_found_on_validation_rows():
    labels = np.array([0, 0, 1, 1, 2, 2, 0, 0])  # the last two are of no side
    predicted = np.array([0, 0, 2, 1, 1, 1])
    said = np.eye(3)[predicted][None]
    found = probe.confusion_shares(task(labels, np.arange(6)), Predictions(said, said))
    assert found[1, 2] == pytest.approx(0.5 + 1.0)
    assert found[0, 1] == 0
    assert pairs.ranked(["a", "b", "c"], found) == [["b", "c"], ["a", "b"], ["a", "c"]]
    assert pairs.wanted(1, ["a", "b", "c"], found) == [["b", "c"]]


def test_the_majority_is_of_train_rows(workspace, set_params):
    _, told = run(workspace, set_params, [["bold", "thin"]])
    assert told["pairs"]["bold_thin"]["majority_accuracy"] == pytest.approx(8 / 12, abs=1e-6)


def test_a_pair_is_compared_with_the_ten_way_model_s_choice_between_the_two():
    labels, rows = np.array([0, 0, 1, 1]), np.arange(4)
    own = ProbeTask(np.zeros((4, 1), np.float32), labels, rows, ["a", "b"], rows, rows, rows)
    right, half = np.eye(2)[labels][None], np.eye(2)[[0, 1, 1, 0]][None]
    found = pairs.outcome(own, right, half, 1)
    assert found["ten_way_accuracy"] == 0.5
    assert found["against_ten_way"]["difference"] == 0.5
    assert predicted_labels(right).tolist() == [labels.tolist()]


def test_shuffled_labels_give_chance(workspace, set_params):
    write_dataset(workspace)
    noise = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)
    np.save(workspace / "data/features/vgg16.npy", noise)
    set_params(PARAMS | {"pairs.which": [["thin", "bold"]]})
    pairs.main()
    result = json.loads((workspace / "metrics/pairs.json").read_text())["pairs"]["thin_bold"]
    assert result["test"]["balanced_accuracy"] < 0.75
    assert result["test"]["auc_interval"][0] < 0.75


@pytest.mark.parametrize("wrong", [["thin", "round"], ["thin"], ["thin", "thin"]])
def test_a_pair_that_is_none_is_refused_before_anything_is_written(workspace, set_params, wrong):
    write_dataset(workspace)
    set_params({"pairs.which": [["thin", "bold"], wrong]})
    with pytest.raises(InputError) as caught:
        pairs.main()
    assert str(caught.value) == f"pairs.which has {wrong}: give two different genres of thin, bold"
    assert not (workspace / "metrics").exists()


def test_no_pairs_at_all_are_refused(workspace, set_params):
    write_dataset(workspace)
    set_params({"pairs.which": 0})
    with pytest.raises(InputError, match=r"^pairs.which is 0: give all, a number of pairs from 1, or a list of pairs$"):
        pairs.main()


def test_a_genre_without_train_rows_leaves_its_pairs_out(workspace, set_params):
    from webtoon_genre.data.tables import DATASET, write_table

    dataset = write_dataset(workspace, extra_genre=True)
    lost = (dataset["genre"] == "round") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(lost, "val")), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS | {"pairs.which": "all"})
    pairs.main()
    told = json.loads((workspace / "metrics/pairs.json").read_text())
    assert list(told["pairs"]) == ["thin_bold"]
    assert sorted(told["left_out"]) == [["bold", "round"], ["thin", "round"]]
