"""webtoon_genre/experiments/probe.py: what all experiments share."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support.synthetic_features import write_dataset
from webtoon_genre.core import params as params_file
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import class_names
from webtoon_genre.evaluation import study
from webtoon_genre.experiments import probe, probe_heads
from webtoon_genre.experiments.probe import ExperimentParams
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import losses


@pytest.fixture
def params(workspace, set_params):
    set_params({"experiments.lr": 0.01, "experiments.epochs": 4, "experiments.seeds": [3, 5]})
    params = params_file.read(ExperimentParams)
    runtime.start_keras(params.runtime)
    return params


@pytest.fixture
def dataset(workspace):
    return write_dataset(workspace)


@pytest.fixture
def task(dataset, workspace):
    return probe.probe_task(dataset, np.load(workspace / "data/features/inception_v3.npy"), class_names(dataset))


def test_heads_trained_before_change_nothing(params, task):
    heads = Probe(params)
    first = heads.fit_predict(task)
    heads.fit_predict(replace(task, features=task.features * 100 + 1000, train=task.train[:20]))
    np.testing.assert_array_equal(heads.fit_predict(task).test, first.test)
    assert not np.array_equal(first.test[0], first.test[1])


def test_tasks_trained_at_once_are_predicted_as_one_by_one(params, task):
    tasks = [task, replace(task, train=task.train[:20]), replace(task, labels=1 - task.labels)]
    at_once = Probe(params).fit_predict_all([ProbeRun(one) for one in tasks])
    for one, predictions in zip(tasks, at_once, strict=True):
        alone = Probe(params).fit_predict(one)
        np.testing.assert_allclose(predictions.val, alone.val, atol=1e-5)
        np.testing.assert_allclose(predictions.test, alone.test, atol=1e-5)


def test_a_run_may_vary_its_rows_for_each_seed(params, task):
    def vary(task, generator):
        return replace(task, train=generator.permutation(task.train)[:20])

    [varied] = Probe(params).fit_predict_all([ProbeRun(task, vary=vary)])
    for index, seed in enumerate(params.experiments.seeds):
        expected = vary(task, np.random.default_rng(seed))
        alone = Probe(params).fit_predict(expected, seeds=[seed])
        np.testing.assert_allclose(varied.test[index], alone.test[0], atol=1e-5)


def test_more_heads_than_are_trained_at_once_are_trained_in_parts(params, task, monkeypatch):
    whole = Probe(params).fit_predict_all([ProbeRun(task)] * 3)
    monkeypatch.setattr(probe_heads, "AT_ONCE", 4)
    for first, second in zip(whole, Probe(params).fit_predict_all([ProbeRun(task)] * 3), strict=True):
        np.testing.assert_allclose(first.test, second.test, atol=1e-5)


def test_a_loss_equal_to_cross_entropy_changes_next_to_nothing(params, task):
    plain = Probe(params).fit_predict(task).test
    neutral = Probe(params).fit_predict(task, losses.focal(0.0)).test
    np.testing.assert_allclose(neutral, plain, atol=1e-4)


def test_a_loss_that_is_not_finite_is_one_line_with_the_backbone_and_the_param(params, task):
    overflowing = params.model_copy(update={"experiments": params.experiments.model_copy(update={"lr": 1e30})})
    with pytest.raises(
        InputError, match=r"^\w+: loss is nan in epoch 1 at the learning rate 1e\+30; lower experiments\.lr$"
    ):
        Probe(overflowing).fit_predict(task)


def test_seeds_can_be_chosen(params, task):
    heads = Probe(params)
    chosen = heads.fit_predict(task, seeds=[5])
    np.testing.assert_allclose(chosen.test, heads.fit_predict(task).test[1:], atol=1e-5)
    [weights] = chosen.heads
    units = params.experiments.units
    assert [values.shape[-1] for values in weights] == [5, 5, units, units, 2, 2]


def test_shuffled_labels_give_chance(params, task):
    shuffled = task.labels.copy()
    for rows in (task.train, task.val, task.test):
        shuffled[rows] = np.random.default_rng(1).permutation(task.labels[rows])
    scores = probe.test_scores(task, Probe(params).fit_predict(task).test)
    chance = probe.test_scores(task, Probe(params).fit_predict(replace(task, labels=shuffled)).test)
    assert scores["balanced_accuracy"] > 0.85
    assert chance["balanced_accuracy"] < 0.75


def test_the_digest_covers_the_test_rows_alone_in_any_order(dataset):
    digest = probe.test_rows_digest(dataset)
    assert probe.test_rows_digest(dataset[::-1]) == digest
    assert probe.test_rows_digest(dataset[dataset["split"] != "val"]) == digest
    assert probe.test_rows_digest(dataset.iloc[:-1]) != digest
    assert digest.startswith("sha256:")


def test_scores_are_averages_over_seeds(task):
    labels = task.labels[task.test]
    right, wrong = np.eye(2)[labels], np.eye(2)[1 - labels]
    scores = probe.test_scores(task, np.stack([right, wrong, right]))
    assert scores["accuracy_by_seed"] == [1.0, 0.0, 1.0]
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["balanced_accuracy"] == pytest.approx(2 / 3)
    assert scores["per_genre"]["thin"] == {"recall": pytest.approx(2 / 3), "support": 8, "titles": 2}


def test_a_check_runs_before_keras_starts(dataset, workspace, monkeypatch):
    def refuse(data):
        raise InputError(f"refused {data.genres}")

    monkeypatch.setattr(probe, "start_keras", lambda _: pytest.fail("Keras was started"))
    with pytest.raises(InputError, match=r"^refused \['thin', 'bold'\]$"):
        probe.load(ExperimentParams, refuse)


class Experiment(ExperimentParams):
    """An experiment."""

    question = "Does it help?"
    study = "It helped."


def test_metrics_hold_the_question_the_shared_keys_the_summary_and_the_outcome(params, dataset, workspace):
    data = probe.load(Experiment)
    probe.write("balance", data, {"variants": {}}, {"accuracy": 0.5}, "No difference shown")
    assert json.loads((workspace / "metrics/balance.json").read_text()) == {
        "backbone": "inception_v3",
        "outcome": "No difference shown",
        "question": "Does it help?",
        "scored_rows": probe.test_rows_digest(dataset),
        "seeds": [3, 5],
        "summary": {"accuracy": 0.5},
        "variants": {},
    }


def test_the_original_study_s_result_is_beside_its_genres_alone(params, dataset, workspace):
    data = probe.load(Experiment)
    for genres, expected in ((["thin", "bold"], None), (sorted(study.GENRES), "It helped.")):
        probe.write("balance", replace(data, genres=genres), {}, {}, "No difference shown")
        assert json.loads((workspace / "metrics/balance.json").read_text()).get("study") == expected
