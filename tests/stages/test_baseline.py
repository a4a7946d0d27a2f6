"""stages/baseline.py: the largest genre and colour histograms, fitted to train rows and scored on val and test rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import baseline
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import round_floats
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.training.predictions import detail_table, read_predictions, score_table


def features_of(dataset):
    return baseline.all_histograms(ThumbnailStore(Path("data/resized")), dataset, 4)


def test_a_red_image_fills_the_one_bin_of_bright_red_dark_green_and_dark_blue():
    red = np.zeros((1, 5, 7, 3), np.uint8)
    red[..., 0] = 255
    assert np.flatnonzero(baseline.histograms(red, 4)).tolist() == [3 * 16]


def test_bins_divide_the_levels_evenly_and_hold_the_root_of_their_share():
    greys = np.repeat(np.array([0, 63, 64, 127, 128, 191, 192, 255], np.uint8), 3).reshape(1, 1, 8, 3)
    assert baseline.histograms(greys, 4)[0, [0, 21, 42, 63]].tolist() == [0.5] * 4


@given(st.integers(2, 16), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_squares_of_an_image_s_bins_add_up_to_one_and_do_not_depend_on_the_other_images(bins, count, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, 6, 5, 3), np.uint8)
    histograms = baseline.histograms(images, bins)
    assert histograms.shape == (count, bins**3)
    assert (histograms**2).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (histograms == np.concatenate([baseline.histograms(image[None], bins) for image in images])).all()


def test_histograms_have_the_order_of_the_rows_for_any_chunk_size(synthetic_dataset, monkeypatch):
    features = features_of(synthetic_dataset)
    monkeypatch.setattr(baseline, "CHUNK", 7)
    assert (features_of(synthetic_dataset) == features).all()
    assert (features_of(synthetic_dataset[::-1]) == features[::-1]).all()


def test_the_majority_baseline_predicts_the_genres_shares_of_train_for_every_row():
    assert baseline.majority(np.array([0, 1, 1, 1]), 2, 3).tolist() == [[0.25, 0.75, 0.0]] * 2


def test_a_genre_without_train_rows_gets_probability_zero():
    features, labels = np.array([[0.0], [1.0]] * 5), np.array([0, 2] * 5)
    probabilities = baseline.regression(features, labels, np.array([[0.0], [1.0]]), 3, 1.0)
    assert probabilities[:, 1].tolist() == [0.0, 0.0]
    assert probabilities.argmax(axis=1).tolist() == [0, 2]


def test_genres_of_different_colours_are_all_recognised_and_the_majority_has_its_share(synthetic_dataset):
    tables = baseline.predict(synthetic_dataset, features_of(synthetic_dataset), 1.0)
    scores = {name: score_table(table, 0) for name, table in tables.items()}
    assert scores["colour_histogram"]["test"]["accuracy"] == 1.0
    assert scores["majority"]["test"]["accuracy"] == pytest.approx(1 / 3)
    assert scores["majority"]["val"]["log_loss"] == pytest.approx(np.log(3))


def test_labels_of_val_and_test_rows_are_not_fitted(synthetic_dataset):
    features = features_of(synthetic_dataset)
    train = synthetic_dataset["split"] == "train"
    relabelled = synthetic_dataset.assign(
        label=synthetic_dataset["label"].where(train, 0), genre=synthetic_dataset["genre"].where(train, "comic")
    )
    original, changed = (
        score_table(baseline.predict(dataset, features, 1.0)["colour_histogram"], 0)
        for dataset in (synthetic_dataset, relabelled)
    )
    assert original["test"]["accuracy"] == 1.0
    assert changed["test"]["accuracy"] == pytest.approx(1 / 3)  # drama and pure are still predicted by colour


def test_train_rows_of_one_genre_are_an_error(synthetic_dataset):
    rows = synthetic_dataset[(synthetic_dataset["split"] != "train") | (synthetic_dataset["label"] == 0)]
    with pytest.raises(InputError) as error:
        baseline.predict(rows, np.zeros((len(rows), 8)), 1.0)
    assert str(error.value) == (
        "the train rows are of fewer than two of the genres ['comic', 'drama', 'pure']; add to label.genres"
    )


def test_two_runs_write_the_same_bytes(synthetic_dataset, set_params):
    set_params({"baseline.bins": 3})
    runs = []
    for _ in range(2):
        baseline.main()
        runs.append([path.read_bytes() for path in (Path("metrics/baseline.json"), paths.HISTOGRAM_PREDICTIONS)])
    assert runs[0] == runs[1]
    scores = json.loads(runs[0][0])
    assert set(scores) == {"majority", "colour_histogram"}
    table = read_predictions(paths.HISTOGRAM_PREDICTIONS)
    expected = {**score_table(table, 77), "test_detail": detail_table(table, 77)}
    assert scores["colour_histogram"] == round_floats(expected)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("baseline.bins", 1, "params.yaml: baseline.bins is 1: input should be greater than or equal to 2"),
        ("baseline.c", 0.0, "params.yaml: baseline.c is 0.0: input should be greater than 0"),
        ("baseline.depth", 3, "params.yaml: baseline.depth is unknown; known in baseline: bins, c"),
    ],
)
def test_an_invalid_param_is_one_line_of_error_and_nothing_is_written(
    synthetic_dataset, set_params, key, value, message
):
    set_params({key: value})
    with pytest.raises(InputError) as error:
        baseline.main()
    assert str(error.value) == message
    assert not Path("metrics").exists()


def test_a_missing_dataset_is_one_line_of_error(run_stage):
    process = run_stage("baseline")
    assert process.returncode == 1
    assert process.stderr == "baseline: data/dataset.parquet is not there; `dvc repro` makes it\n"


def test_a_gap_in_the_labels_is_an_error():
    rows = pd.DataFrame({"label": [0, 2], "genre": ["comic", "pure"], "split": ["train", "test"], "group": [1, 2]})
    with pytest.raises(InputError) as error:
        baseline.predict(rows, np.zeros((2, 8)), 1.0)
    assert str(error.value) == "labels are [0, 2], not 0 to 1, one a genre; run `dvc repro label`"
