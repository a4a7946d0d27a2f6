"""stages/label_limit.py: fewer genres, and what that alone gives."""

import json

import numpy as np
import pytest

from stages import label_limit
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, ProbeTask

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 8, "experiments.seeds": [1, 2], "label_limit.orders": 1}


@pytest.fixture
def told(workspace, set_params):
    """What the stage writes of three genres, of which "thin" and "bold" are mixed up."""
    dataset = write_dataset(workspace, extra_genre=True)
    features = np.load(workspace / "data/features/vgg16.npy")
    mixed = (dataset["label"] < 2).to_numpy()
    features[mixed] = np.random.default_rng(2).normal(size=(mixed.sum(), 5))
    features[~mixed] = np.random.default_rng(3).normal(9, 1, ((~mixed).sum(), 5))
    np.save(workspace / "data/features/vgg16.npy", features)
    set_params(PARAMS)
    label_limit.main()
    return dataset, json.loads((workspace / "metrics/label_limit.json").read_text())


def test_one_of_the_two_genres_that_are_mixed_up_goes_first(told):
    dataset, found = told
    first, second = found["steps"]
    assert (first["left_out"], first["genres"]) == (None, ["thin", "bold", "round"])
    assert second["left_out"] in ("thin", "bold")
    assert second["accuracy"] == 1.0
    assert second["kappa"] == 1.0
    assert found["scored_rows"] == probe.test_rows_digest(dataset)


def test_every_step_stands_beside_chance_and_the_model_of_all_genres(told):
    _, found = told
    for each in found["steps"]:
        assert each["gain_over_majority"] == pytest.approx(each["accuracy"] - each["majority_accuracy"], abs=2e-6)
        difference = each["accuracy"] - each["all_genres_accuracy"]
        assert each["against_all_genres"]["difference"] == pytest.approx(difference, abs=2e-6)
    assert found["steps"][0]["against_all_genres"] == {"difference": 0.0, "interval": [0.0, 0.0]}


def test_random_orders_leave_out_other_genres(told, workspace):
    _, found = told
    [order] = found["random"]
    assert len(order["order"]) == 1
    assert [each["labels"] for each in order["steps"]] == [2]
    assert (workspace / "plots/label_limit.png").stat().st_size > 1000


def test_the_most_ambiguous_genre_is_the_one_confused_most_and_of_equals_the_first():
    labels, rows = np.array([0, 0, 1, 1, 2, 2]), np.arange(6)
    task = ProbeTask(np.zeros((6, 1), np.float32), labels, rows, ["a", "b", "c"], rows, rows, rows)

    def said(predicted):
        return Predictions(np.eye(3)[predicted][None], np.zeros((1, 0, 3)))

    assert label_limit.ambiguous(task, said([0, 0, 1, 2, 2, 0])) == "c"
    assert label_limit.ambiguous(task, said([0, 1, 1, 0, 2, 2])) == "a"


def test_labels_without_meaning_give_chance(workspace, set_params):
    dataset = write_dataset(workspace, extra_genre=True)
    np.save(
        workspace / "data/features/vgg16.npy",
        np.random.default_rng(1).normal(size=(len(dataset), 5)).astype(np.float32),
    )
    set_params(PARAMS)
    label_limit.main()
    for each in json.loads((workspace / "metrics/label_limit.json").read_text())["steps"]:
        assert abs(each["kappa"]) < 0.4


def test_a_genre_without_train_images_is_left_out_from_the_start(workspace, set_params):
    dataset = write_dataset(workspace, extra_genre=True)
    lost = (dataset["genre"] == "bold") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(lost, "val")), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS)
    label_limit.main()
    [step] = json.loads((workspace / "metrics/label_limit.json").read_text())["steps"]
    assert step["genres"] == ["thin", "round"]


def test_a_single_genre_with_train_images_is_refused(workspace, set_params):
    dataset = write_dataset(workspace)
    lost = (dataset["genre"] == "bold") & (dataset["split"] == "train")
    write_table(dataset.assign(split=dataset["split"].mask(lost, "val")), DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS)
    with pytest.raises(InputError, match=r"^1 of 2 genres have train images; at least 2 are needed$"):
        label_limit.main()
