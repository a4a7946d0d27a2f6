"""stages/pairs.py: two genres at a time."""

import json

import numpy as np
import pytest
from prepared import write_dataset

from stages import pairs
from stages.lib.errors import InputError


def run(workspace, set_params, wanted):
    dataset = write_dataset(workspace, extra_genre=True)
    set_params({"lr": 0.01, "train.epochs": 15, "pairs.pairs": wanted})
    pairs.main()
    return dataset, json.loads((workspace / "metrics/pairs.json").read_text())["pairs"]


def test_each_pair_is_scored_on_its_own_test_rows(workspace, set_params):
    dataset, results = run(workspace, set_params, [["thin", "bold"], ["bold", "round"]])
    assert list(results) == ["bold_round", "thin_bold"]
    for result in results.values():
        test = dataset[(dataset["split"] == "test") & dataset["genre"].isin(result["genres"])]
        assert result["test"]["images"] == len(test)
        assert set(result["test"]["per_genre"]) == set(result["genres"])
        assert result["test"]["accuracy"] > 0.8
    assert (workspace / "plots/pairs.png").stat().st_size > 1000


def test_the_majority_is_of_train_rows(workspace, set_params):
    _, results = run(workspace, set_params, [["bold", "thin"]])
    assert results["bold_thin"]["majority_accuracy"] == pytest.approx(8 / 12, abs=1e-6)


def test_features_without_a_signal_score_near_chance(workspace, set_params):
    write_dataset(workspace)
    noise = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)
    np.save(workspace / "data/features/resnet50.npy", noise)
    set_params({"lr": 0.01, "train.epochs": 15, "pairs.pairs": [["thin", "bold"]]})
    pairs.main()
    result = json.loads((workspace / "metrics/pairs.json").read_text())["pairs"]["thin_bold"]
    assert result["test"]["balanced_accuracy"] < 0.8


@pytest.mark.parametrize("wrong", [["thin", "round"], ["thin"], ["thin", "thin"]])
def test_a_pair_that_is_none_is_refused_before_anything_is_written(workspace, set_params, wrong):
    write_dataset(workspace)
    set_params({"pairs.pairs": [["thin", "bold"], wrong]})
    with pytest.raises(InputError) as caught:
        pairs.main()
    assert str(caught.value) == f"pairs.pairs has {wrong}: give two different genres of thin, bold"
    assert not (workspace / "metrics").exists()
