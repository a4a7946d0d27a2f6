"""workflow/changes.py: the change of a model between two commits, from drawn predictions."""

import pytest

from tests.support.drawn_predictions import predictions
from workflow.changes import describe_change, metrics_key


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.2, 0.9, "a gain, +0.650 [+0.560, +0.730], 20 titles"),
        (0.9, 0.2, "a loss, -0.650 [-0.730, -0.560], 20 titles"),
        (0.6, 0.62, "no difference shown, +0.020 [+0.000, +0.050], 20 titles"),
    ],
)
def test_a_change_is_paired_by_title_and_judged_by_its_interval(before, after, words):
    assert describe_change(predictions(before), predictions(after)) == words


def test_few_titles_tell_nothing():
    words = "too few titles to tell, +1.000 [+1.000, +1.000], 4 titles"
    assert describe_change(predictions(0.0, titles=4), predictions(1.0, titles=4)) == words


def test_the_order_of_rows_the_validation_rows_and_new_genres_change_nothing():
    before, after = predictions(0.2), predictions(0.9)
    words = describe_change(before, after)
    shuffled = after.sample(frac=1, random_state=1)
    assert describe_change(before, shuffled[(shuffled["split"] == "test") | (shuffled["no"] > 2)]) == words
    assert describe_change(before, after.replace({"predicted": {"drama": "sports"}})) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[rows["title_id"] > 0], "other test images or labels: 100 before, 95 after, 95 in both"),
        (lambda rows: rows.assign(no=rows["no"] + 1), "other test images or labels: 100 before, 100 after, 80 in both"),
        (
            lambda rows: rows.assign(genre=rows["genre"].mask(rows["title_id"] < 2, "drama")),
            "other test images or labels: 100 before, 100 after, 90 in both",
        ),
    ],
)
def test_no_change_is_computed_on_other_test_images_or_labels(change, words):
    assert describe_change(predictions(0.2), change(predictions(0.9))) == words


def test_predictions_have_the_key_of_their_model_s_test_accuracy():
    assert metrics_key("data/predictions/vgg16.parquet") == "backbones.vgg16.test_accuracy"
    assert metrics_key("data/predictions/colour_histogram.parquet") == "baselines.colour_histogram.test_accuracy"
    assert metrics_key("data/best_predictions.parquet") == "finetuned.genre-classifier.test_accuracy"
    assert metrics_key("data/dataset.parquet") == ""
