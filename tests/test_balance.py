"""stages/balance.py: what rebalancing does to the train rows, and that test rows stay as they are."""

import json

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from prepared import write_dataset

from stages import balance


@st.composite
def cases(draw):
    """Labels by row, some rows of them as train rows, a count, a seed."""
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=1, max_size=60)))
    rows = np.array(sorted(draw(st.sets(st.integers(0, len(labels) - 1), min_size=1))))
    return labels, rows, draw(st.integers(1, 30)), draw(st.integers(0, 9))


def counts(labels, rows):
    return pd.Series(labels[rows]).value_counts().to_dict()


@settings(max_examples=50)
@given(cases())
def test_down_caps_each_genre_and_repeats_none(case):
    labels, rows, cap, seed = case
    kept = balance.down(labels, rows, cap, np.random.default_rng(seed))
    assert counts(labels, kept) == {label: min(cap, count) for label, count in counts(labels, rows).items()}
    assert len(set(kept)) == len(kept)
    assert set(kept) <= set(rows)


@settings(max_examples=50)
@given(cases())
def test_equal_gives_each_genre_the_count_and_each_row_as_often_as_the_next(case):
    labels, rows, count, seed = case
    kept = balance.equal(labels, rows, count, np.random.default_rng(seed))
    assert counts(labels, kept) == dict.fromkeys(counts(labels, rows), count)
    assert set(kept) <= set(rows)
    for label in set(labels[rows]):
        often = [int((kept == row).sum()) for row in rows[labels[rows] == label]]
        assert max(often) - min(often) <= 1


def test_equal_draws_are_the_seed_s():
    labels, rows = np.repeat([0, 1], 50), np.arange(100)
    one, same, other = (balance.down(labels, rows, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()


def test_the_stage_scores_every_variant_on_the_same_untouched_test_rows(workspace, set_params):
    write_dataset(workspace)
    set_params({"lr": 0.01, "train.epochs": 3, "balance.cap": 8, "balance.count": 12})
    balance.main()
    variants = json.loads((workspace / "metrics/balance.json").read_text())["variants"]
    assert list(variants) == ["down", "equal", "none"]
    assert variants["none"]["train_images"] == {"thin": 24, "bold": 12}
    assert variants["down"]["train_images"] == {"thin": 8, "bold": 8}
    assert variants["equal"]["train_images"] == {"thin": 12, "bold": 12}
    supports = [{genre: of["support"] for genre, of in each["test"]["per_genre"].items()} for each in variants.values()]
    assert supports == [{"thin": 8, "bold": 4}] * 3
    assert (workspace / "plots/balance.png").stat().st_size > 1000


def test_equal_runs_write_equal_bytes(workspace, set_params):
    write_dataset(workspace)
    set_params({"train.epochs": 2, "balance.cap": 8, "balance.count": 12})
    written = []
    for _ in range(2):
        balance.main()
        written.append([(workspace / name).read_bytes() for name in ("metrics/balance.json", "plots/balance.png")])
    assert written[0] == written[1]
