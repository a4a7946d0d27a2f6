"""webtoon_genre/experiments/probe.py: what every experiment stands on."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.synthetic_features import write_dataset
from webtoon_genre.core import params
from webtoon_genre.data.tables import class_names
from webtoon_genre.experiments import probe
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import losses
from webtoon_genre.training.trainer import Trainer, TrainingData


@pytest.fixture
def settings(workspace, set_params):
    set_params({"experiments.lr": 0.01, "experiments.epochs": 4, "experiments.seeds": [3, 5]})
    found = params.read(probe.ExperimentParams)
    runtime.start_keras(found.runtime)
    return found


@pytest.fixture
def dataset(workspace):
    return write_dataset(workspace)


@pytest.fixture
def task(dataset, workspace):
    return probe.probe_task(dataset, np.load(workspace / "data/features/vgg16.npy"), class_names(dataset))


def test_a_learner_that_begins_again_is_a_new_learner(settings, task):
    """Same seed, same rows: the same answers to the last digit, whatever was trained before on what was traced."""
    trials = probe.Probe(settings)
    once = trials.answers(task)
    trials.answers(replace(task, train=task.train[:20]))
    again = trials.answers(task)
    np.testing.assert_array_equal(once.test, again.test)
    for place, seed in enumerate(settings.experiments.seeds):
        machine = settings.runtime.model_copy(update={"seed": seed})
        examples = TrainingData([task.features], task.features, task.labels, task.train, task.val)
        own = settings.experiments
        learner = Trainer(None, examples, 2, settings.head.of(own.units), own, machine)
        learner.learn(own.lr)
        np.testing.assert_array_equal(once.test[place], learner.head.predict_on_batch(task.features[task.test]))
    assert not np.array_equal(once.test[0], once.test[1])


def test_a_loss_that_changes_nothing_changes_next_to_nothing(settings, task):
    plain = probe.Probe(settings).answers(task).test
    neutral = probe.Probe(settings).answers(task, losses.focal(0.0)).test
    np.testing.assert_allclose(neutral, plain, atol=1e-4)


def test_fewer_seeds_are_trained_where_asked_for(settings, task):
    trials = probe.Probe(settings)
    np.testing.assert_array_equal(trials.answers(task, seeds=[5]).test, trials.answers(task).test[1:])
    [learner] = trials.learners.values()
    assert [layer.units for layer in learner.head.layers if hasattr(layer, "units")] == [settings.experiments.units, 2]


def test_shuffled_labels_give_chance(settings, task):
    sides = (task.train, task.val, task.test)
    shuffled = task.labels.copy()
    for rows in sides:
        shuffled[rows] = np.random.default_rng(1).permutation(task.labels[rows])
    found = probe.test_scores(task, probe.Probe(settings).answers(task).test)
    chance = probe.test_scores(task, probe.Probe(settings).answers(replace(task, labels=shuffled)).test)
    assert found["balanced_accuracy"] > 0.85
    assert chance["balanced_accuracy"] < 0.75


def test_the_digest_is_of_the_test_rows_alone_and_of_no_order(dataset):
    first = probe.test_rows_digest(dataset)
    assert probe.test_rows_digest(dataset[::-1]) == first
    assert probe.test_rows_digest(dataset[dataset["split"] != "val"]) == first
    assert probe.test_rows_digest(dataset.iloc[:-1]) != first
    assert first.startswith("sha256:")


def test_scores_are_averages_over_seeds(task):
    labels = task.labels[task.test]
    right, wrong = np.eye(2)[labels], np.eye(2)[1 - labels]
    found = probe.test_scores(task, np.stack([right, wrong, right]))
    assert found["accuracy_by_seed"] == [1.0, 0.0, 1.0]
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == pytest.approx(2 / 3)
    assert found["per_genre"]["thin"] == {"recall": pytest.approx(2 / 3), "support": 8}
