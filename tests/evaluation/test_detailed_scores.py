"""webtoon_genre/evaluation/detailed_scores.py: scores agree with scikit-learn and with arithmetic by hand, and intervals contain them."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from webtoon_genre.evaluation import temperature
from webtoon_genre.evaluation.detailed_scores import BINS, detailed_scores

CLASSES = ["comic", "drama", "pure"]


def sample(rows=300, titles=40, seed=0, sharpness=2.0):
    """Labels, titles and probabilities of a model that is right more often than not."""
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, titles, rows) * 7 + 3
    labels = generator.integers(0, 3, rows)
    logits = generator.normal(size=(rows, 3))
    logits[np.arange(rows), labels] += 1
    exponentials = np.exp(sharpness * logits)
    return labels, groups, exponentials / exponentials.sum(axis=1, keepdims=True)


def score(labels, groups, probabilities, fitted=1.0):
    return detailed_scores(labels, groups, probabilities, CLASSES, fitted, 77)


def walk(record):
    """Each dict of a record."""
    if isinstance(record, dict):
        yield record
    for value in record.values() if isinstance(record, dict) else record if isinstance(record, list) else ():
        yield from walk(value)


@pytest.mark.parametrize("seed", range(3))
def test_averages_and_classes_are_those_of_scikit_learn(seed):
    labels, groups, probabilities = sample(seed=seed)
    scores, predicted = score(labels, groups, probabilities), probabilities.argmax(axis=1)
    macro = precision_recall_fscore_support(labels, predicted, average="macro")
    for name, value in zip(("macro_precision", "macro_recall", "macro_f1"), macro, strict=False):
        assert scores["averages"][name] == pytest.approx(value)
    micro = precision_recall_fscore_support(labels, predicted, average="micro")
    assert scores["averages"]["micro_f1"] == pytest.approx(micro[2]) == pytest.approx((labels == predicted).mean())
    by_class = precision_recall_fscore_support(labels, predicted, average=None)
    for name, values in zip(("precision", "recall", "f1", "images"), by_class, strict=True):
        assert [row[name] for row in scores["per_genre"].values()] == pytest.approx(values.tolist())


def test_every_score_lies_in_its_interval_or_at_its_edge():
    scores = score(*sample())
    pairs = [
        (record[name], limits)
        for record in walk(scores)
        for key, limits in record.items()
        if key.endswith("_interval") and (name := key.removesuffix("_interval")) != "ece"
    ]
    assert len(pairs) > 40
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, (low, high) in pairs)


def test_bins_have_equal_numbers_of_images_and_the_error_is_their_mean_gap():
    labels, groups, probabilities = sample(rows=205)
    calibration = score(labels, groups, probabilities)["calibration"]["before"]
    images = np.array([row["images"] for row in calibration["bins"]])
    assert (len(images), images.sum(), np.ptp(images)) == (BINS, 205, 1)
    gaps = [abs(row["share_right"] - row["confidence"]) for row in calibration["bins"]]
    assert calibration["ece"] == pytest.approx((images * gaps).sum() / 205)
    confidence = [row["confidence"] for row in calibration["bins"]]
    assert confidence == sorted(confidence)


def test_temperature_scaling_lowers_the_error_of_an_overconfident_model():
    labels, groups, probabilities = sample(rows=4000, titles=400, sharpness=4.0)
    fitted = temperature.fit(labels[:2000], probabilities[:2000])
    calibration = score(labels[2000:], groups[2000:], probabilities[2000:], fitted)["calibration"]
    assert fitted > 2
    assert calibration["after"]["ece"] < 0.05 < calibration["before"]["ece"]
    assert calibration["after"]["log_loss"] < calibration["before"]["log_loss"]


def test_more_images_answered_are_less_often_right_and_all_of_them_are_the_accuracy():
    labels, groups, probabilities = sample(rows=3000, titles=300)
    rows = score(labels, groups, probabilities)["answered"]
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert rows[-1]["images"] == 3000
    assert rows[-1]["accuracy"] == pytest.approx((labels == probabilities.argmax(axis=1)).mean())


def test_a_title_counts_once_however_many_images_it_has():
    labels, groups = np.zeros(101, int), np.array([0] * 100 + [1])
    probabilities = np.array([[0.6, 0.3, 0.1]] * 60 + [[0.3, 0.6, 0.1]] * 40 + [[0.1, 0.8, 0.1]])
    by_title = score(labels, groups, probabilities)["by_title"]
    assert by_title["accuracy"] == pytest.approx((0.6 + 0) / 2)
    assert by_title["one_answer"] == pytest.approx(0.5)


def test_top_scores_grow_to_one():
    labels, groups, probabilities = sample()
    top = score(labels, groups, probabilities)["top"]
    assert list(top) == ["1", "2"]  # of three classes
    assert top["1"]["accuracy"] < top["2"]["accuracy"] <= 1


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_few_rows_of_one_title_are_scored(rows):
    labels, groups, probabilities = np.zeros(rows, int), np.zeros(rows, int), np.full((rows, 3), 1 / 3)
    scores = score(labels, groups, probabilities)
    assert scores["averages"]["micro_f1"] == 1.0  # the first of ties
    assert scores["calibration"]["before"]["ece"] == pytest.approx(2 / 3)
