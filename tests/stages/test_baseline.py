import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import baseline
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import ThumbnailStore


def features_of(dataset):
    return baseline.all_histograms(ThumbnailStore(Path("data/resized")), dataset, 4)


def test_a_red_image_fills_the_one_cell_of_bright_red_dark_green_and_dark_blue():
    red = np.zeros((1, 5, 7, 3), np.uint8)
    red[..., 0] = 255
    assert np.flatnonzero(baseline.histograms(red, 4)).tolist() == [3 * 16]


def test_bins_split_the_levels_evenly_and_cells_hold_the_root_of_their_share():
    greys = np.repeat(np.array([0, 63, 64, 127, 128, 191, 192, 255], np.uint8), 3).reshape(1, 1, 8, 3)
    assert baseline.histograms(greys, 4)[0, [0, 21, 42, 63]].tolist() == [0.5] * 4


@given(st.integers(2, 16), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_squares_of_an_image_s_cells_add_up_to_one_and_do_not_depend_on_the_other_images(bins, count, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, 6, 5, 3), np.uint8)
    together = baseline.histograms(images, bins)
    assert together.shape == (count, bins**3)
    assert (together**2).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (together == np.concatenate([baseline.histograms(image[None], bins) for image in images])).all()


def test_histograms_stand_in_the_order_of_the_rows_whatever_the_chunk(drawn_dataset, monkeypatch):
    whole = features_of(drawn_dataset)
    monkeypatch.setattr(baseline, "CHUNK", 7)
    assert (features_of(drawn_dataset) == whole).all()
    assert (features_of(drawn_dataset[::-1]) == whole[::-1]).all()


def test_the_majority_baseline_says_the_shares_of_train_for_every_row():
    assert baseline.majority(np.array([0, 1, 1, 1]), 2, 3).tolist() == [[0.25, 0.75, 0.0]] * 2


def test_a_genre_without_train_rows_gets_probability_zero():
    features, labels = np.array([[0.0], [1.0]] * 5), np.array([0, 2] * 5)
    found = baseline.regression(features, labels, np.array([[0.0], [1.0]]), 3, 1.0)
    assert found[:, 1].tolist() == [0.0, 0.0]
    assert found.argmax(axis=1).tolist() == [0, 2]


def test_colours_that_tell_the_genre_are_found_and_the_majority_stays_at_its_share(drawn_dataset):
    found = baseline.compare(drawn_dataset, features_of(drawn_dataset), 1.0, 0)
    assert found["colour_histogram"]["test"]["accuracy"] == 1.0
    assert found["majority"]["test"]["accuracy"] == pytest.approx(1 / 3)
    assert found["majority"]["val"]["log_loss"] == pytest.approx(np.log(3))


def test_labels_of_val_and_test_rows_teach_nothing(drawn_dataset):
    features = features_of(drawn_dataset)
    train = drawn_dataset["split"] == "train"
    hidden = drawn_dataset.assign(
        label=drawn_dataset["label"].where(train, 0), genre=drawn_dataset["genre"].where(train, "comic")
    )
    seen, blind = (baseline.compare(each, features, 1.0, 0)["colour_histogram"] for each in (drawn_dataset, hidden))
    assert seen["test"]["accuracy"] == 1.0
    assert blind["test"]["accuracy"] == pytest.approx(1 / 3)  # the colours still say drama and pure


def test_train_rows_of_one_genre_are_refused(drawn_dataset):
    lopsided = drawn_dataset[(drawn_dataset["split"] != "train") | (drawn_dataset["label"] == 0)]
    with pytest.raises(InputError) as error:
        baseline.compare(lopsided, np.zeros((len(lopsided), 8)), 1.0, 0)
    assert str(error.value) == (
        "the train rows are of fewer than two of the genres ['comic', 'drama', 'pure']; add to label.genres"
    )


def test_two_runs_write_the_same_bytes_whole(drawn_dataset, set_params):
    set_params({"baseline.bins": 3})
    written = []
    for name in ("first.json", "second.json"):
        baseline.main(metrics=Path(name))
        written.append(Path(name).read_bytes())
    assert written[0] == written[1]
    assert set(json.loads(written[0])) == {"majority", "colour_histogram"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("baseline.bins", 1, "params.yaml: baseline.bins is 1: input should be greater than or equal to 2"),
        ("baseline.c", 0.0, "params.yaml: baseline.c is 0.0: input should be greater than 0"),
        ("baseline.depth", 3, "params.yaml: baseline.depth is unknown; known in baseline: bins, c"),
    ],
)
def test_a_wrong_param_is_one_clear_line_and_nothing_is_written(drawn_dataset, set_params, key, value, message):
    set_params({key: value})
    with pytest.raises(InputError) as error:
        baseline.main()
    assert str(error.value) == message
    assert not Path("metrics").exists()


def test_the_command_ends_with_one_line_where_there_is_no_dataset(run_stage):
    done = run_stage("baseline")
    assert done.returncode == 1
    assert done.stderr == "baseline: data/dataset.parquet is not there; `dvc repro` makes it\n"


def test_a_dataset_with_a_gap_in_its_labels_is_refused():
    gap = pd.DataFrame({"label": [0, 2], "genre": ["comic", "pure"], "split": ["train", "test"], "group": [1, 2]})
    with pytest.raises(InputError) as error:
        baseline.compare(gap, np.zeros((2, 8)), 1.0, 0)
    assert str(error.value) == "labels are [0, 2], not 0 to 1, one a genre; run `dvc repro label`"
