"""stages/pairs.py: binary models of two genres."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import pairs
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, ProbeTask

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 15, "experiments.seeds": [1, 2]}


def write_source(name):
    Path("metrics").mkdir()
    Path("metrics/crawl.json").write_text(json.dumps({"source": name}))


def run(workspace, set_params, which):
    dataset = write_dataset(workspace, extra_genre=True)
    write_source("folder")
    set_params(PARAMS | {"pairs.which": which})
    pairs.main()
    return dataset, json.loads((workspace / "metrics/pairs.json").read_text())


def test_each_pair_is_scored_on_the_test_rows_of_its_genres(workspace, set_params):
    dataset, metrics = run(workspace, set_params, [["thin", "bold"], ["bold", "round"]])
    assert [scores["genres"] for scores in metrics["pairs"]] == [["thin", "bold"], ["bold", "round"]]
    for scores in metrics["pairs"]:
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
    assert {frozenset(scores["genres"]) for scores in metrics["pairs"]} == {
        frozenset(pair) for pair in (("thin", "bold"), ("thin", "round"), ("bold", "round"))
    }
    accuracies = [scores["test"]["accuracy"] for scores in metrics["pairs"]]
    mean, change = metrics["mean_accuracy"], metrics["mean_against_all_genres"]
    assert mean == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert change["difference"] == pytest.approx(
        np.mean([scores["against_all_genres"]["difference"] for scores in metrics["pairs"]]), abs=1e-6
    )
    assert metrics["outcome"] == (
        f"mean accuracy of 3 pairs: {bootstrap.format_value(mean, metrics['mean_accuracy_interval'], 4)}; "
        f"against the three-way model restricted to the two genres: {bootstrap.verdict(change)}; "
        "too few test titles (2 to 3) to tell whether any of 3 pairs beats it"
    )
    assert metrics["summary"] == bootstrap.change_metrics("mean_change", change)


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
    assert metrics["pairs"][0]["majority_accuracy"] == pytest.approx(8 / 12, abs=1e-6)


def test_a_pair_is_compared_with_the_model_of_all_genres_restricted_to_it():
    labels, rows = np.array([0, 0, 1, 1]), np.arange(4)
    task = ProbeTask(np.zeros((4, 1), np.float32), labels, rows, ["a", "b"], rows, rows, rows)
    right, half_right = np.eye(2)[labels][None], np.eye(2)[[0, 1, 1, 0]][None]
    scores = pairs.pair_scores(task, right, half_right, 1)
    assert scores["all_genres_accuracy"] == 0.5
    assert scores["against_all_genres"]["difference"] == 0.5
    assert predicted_labels(right).tolist() == [labels.tolist()]


def test_features_of_noise_give_chance(workspace, set_params):
    write_dataset(workspace, extra_genre=True)
    write_source("folder")
    noise = np.random.default_rng(1).normal(size=(80, 5)).astype(np.float32)
    np.save(workspace / "data/features/inception_v3.npy", noise)
    set_params(PARAMS | {"pairs.which": [["thin", "bold"]]})
    pairs.main()
    scores = json.loads((workspace / "metrics/pairs.json").read_text())["pairs"][0]
    assert scores["test"]["balanced_accuracy"] < 0.75
    assert scores["test"]["auc_interval"][0] < 0.75


@pytest.mark.parametrize("wrong", [["thin"], ["thin", "thin"], ["thin", "bold", "round"]])
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


def read(workspace):
    return json.loads((workspace / "metrics/pairs.json").read_text())


def assert_skipped(workspace, reason):
    metrics = read(workspace)
    assert (metrics["outcome"], metrics["skipped"], metrics["summary"]) == (f"skipped: {reason}", reason, {})
    for name in ("pairs", "pairs_map"):
        assert (workspace / f"plots/{name}.png").stat().st_size > 1000


def test_two_genres_are_one_pair_and_the_stage_is_skipped(workspace, set_params):
    write_dataset(workspace)
    set_params(PARAMS | {"pairs.which": "all"})
    pairs.main()
    assert_skipped(workspace, "thin and bold are one pair, and its model is the model of all genres")


def test_pairs_that_name_genres_of_other_data_are_skipped(workspace, set_params):
    write_dataset(workspace, extra_genre=True)
    set_params(PARAMS | {"pairs.which": [["daily", "comic"], ["thin", "drama"]]})
    pairs.main()
    assert_skipped(workspace, "daily or comic (no genre daily or comic), thin or drama (no genre drama)")


def test_a_pair_with_an_unknown_genre_is_left_out_of_the_others(workspace, set_params):
    _, metrics = run(workspace, set_params, [["thin", "bold"], ["thin", "comic"]])
    assert metrics["left_out"] == [{"genres": ["thin", "comic"], "reason": "no genre comic"}]
    assert metrics["outcome"].endswith("; 1 of all 3 pairs was trained; left out: thin or comic (no genre comic)")


def test_pairs_of_a_genre_without_train_rows_are_left_out(workspace, set_params):
    dataset = write_dataset(workspace, extra_genre=True)
    dataset = pd.concat([dataset, dataset[dataset["genre"] == "bold"].assign(genre="flat", label=3)], ignore_index=True)
    write_source("folder")
    features = np.random.default_rng(0).normal(size=(len(dataset), 5)).astype(np.float32)
    np.save(workspace / "data/features/inception_v3.npy", features)
    lost = (dataset["genre"] == "round") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(lost, "val")), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS | {"pairs.which": [["thin", "bold"], ["round", "thin"]]})
    pairs.main()
    [left_out] = read(workspace)["left_out"]
    assert left_out == {
        "genres": ["round", "thin"],
        "reason": "a genre without train images, or no held-out images",
    }


def record(genres, accuracy, low, titles):
    """The scores of a pair, as far as `outcome` and `draw` need them."""
    return {
        "genres": genres,
        "majority_accuracy": 0.5,
        "all_genres_accuracy": 0.6,
        "against_all_genres": {"difference": 0.1, "interval": [low, 0.3], "titles": titles},
        "test": {
            "accuracy": accuracy,
            "accuracy_interval": [0.4, 1.0],
            "auc": 0.9,
            "auc_interval": [0.6, 1.0],
            "groups": titles,
        },
    }


def test_the_study_s_number_is_named_and_drawn_beside_the_study_s_data_alone():
    metrics = {
        "pairs": [record(["a", "b"], 0.9, 0.1, 12), record(["a", "c"], 0.8, -0.1, 12)],
        "left_out": [],
        "mean_accuracy": 0.85,
        "mean_accuracy_interval": [0.7, 0.9],
        "mean_against_all_genres": {"difference": 0.1, "interval": [-0.05, 0.2], "titles": 18},
    }
    assert pairs.outcome(metrics, 3, comparable=True) == (
        "mean accuracy of 2 pairs: 0.850 [0.700, 0.900], 18 titles; 1 of 2 reach 0.87, the study's lowest; "
        "against the three-way model restricted to the two genres: no difference shown, +0.100 [-0.050, +0.200], 18 titles; "
        "1 of 2 pairs beats it (interval above 0); 2 of all 3 pairs were trained"
    )
    assert "0.87" not in pairs.outcome(metrics, 3, comparable=False)
    for comparable in (True, False):
        figure = pairs.draw(metrics["pairs"], comparable)
        axes = figure.axes[0]
        dashed = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
        assert dashed == [0.87] * comparable
        assert ("original study" in figure.get_supxlabel()) == comparable


def row_names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_the_lowest_accuracy_comes_first_and_pairs_of_few_titles_last():
    scores = [record(["a", "b"], 0.9, 0.1, 12), record(["a", "c"], 0.2, 0.1, 9), record(["b", "c"], 0.7, 0.1, 10)]
    figure = pairs.draw(scores, comparable=False)
    assert row_names(figure) == ["b or c", "a or b", "a or c"]
    assert figure.get_suptitle() == "Hardest to tell apart: b and c, accuracy 0.700 [0.400, 1.000], 10 titles"
    assert figure.get_supxlabel().startswith("3 of 3 pairs, the lowest accuracy first\n")
    assert figure.get_supxlabel().endswith("\npale: fewer than 10 test titles, too few to tell")


def test_pairs_of_few_titles_alone_have_no_hardest_one():
    figure = pairs.draw([record(["a", "b"], 0.9, 0.1, 4), record(["a", "c"], 0.2, 0.1, 9)], comparable=False)
    assert figure.get_suptitle() == "Two genres at a time: too few test titles (4 to 9) to tell"


def test_the_map_shows_the_area_under_the_curve_and_the_titles_of_each_pair_once():
    scores = [record(["a", "b"], 0.9, 0.1, 12), record(["c", "a"], 0.2, 0.1, 9)]
    scores[1]["test"] |= {"auc": None, "auc_interval": None}
    figure = pairs.draw_map(scores, ["a", "b", "c"])
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert texts == {(0, 0): "0.90\nn 12", (0, 1): "–\nn 9"}
    assert figure.get_suptitle() == (
        "1 of 1 pair of genres with 10 test titles or more told apart better than by chance (interval above 0.5)"
    )
    assert figure.get_supxlabel().endswith("\ngrey: fewer than 10 test titles, too few to tell")


def test_of_very_many_pairs_all_trains_the_most_confused_ones():
    names = [f"g{number}" for number in range(60)]
    confusion = np.random.default_rng(0).random((60, 60))
    assert len(pairs.select("all", names, confusion)) == pairs.MOST == 200
    assert len(pairs.select(300, names, confusion)) == 300
    assert pairs.select("all", names, confusion) == pairs.rank(names, confusion)[:200]
