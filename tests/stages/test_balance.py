"""stages/balance.py: what rebalancing does to the train rows, and that test rows stay as they are."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import balance
from stages.balance import Balance
from tests.support.synthetic_features import write_dataset
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ProbeTask


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
    kept = balance.equal(labels, rows, rows[:0], count, np.random.default_rng(seed))
    assert counts(labels, kept) == dict.fromkeys(counts(labels, rows), count)
    assert set(kept) <= set(rows)
    for label in set(labels[rows]):
        often = [int((kept == row).sum()) for row in rows[labels[rows] == label]]
        assert max(often) - min(often) <= 1


@settings(max_examples=50)
@given(cases())
def test_variants_are_drawn_before_any_row_is_repeated(case):
    labels, rows, count, seed = case
    spare = np.arange(len(labels), len(labels) + len(rows))  # one variant of each train row
    both = np.concatenate([labels, labels[rows]])
    kept = balance.equal(both, rows, spare, count, np.random.default_rng(seed))
    assert counts(both, kept) == dict.fromkeys(counts(labels, rows), count)
    for label in set(labels[rows]):
        mine, variants = rows[labels[rows] == label], spare[labels[rows] == label]
        drawn = kept[both[kept] == label]
        assert len(set(drawn)) == min(count, len(mine) + len(variants))
        if count >= len(mine):
            assert set(mine) <= set(drawn)
        else:
            assert not set(variants) & set(drawn)


def made(labels, train, features=None):
    """A task of these labels."""
    values = np.arange(2.0 * len(labels), dtype=np.float32).reshape(-1, 2) if features is None else features
    return ProbeTask(values, labels, np.arange(len(labels)), ["a", "b", "c", "d"], train, train[:0], train[:0])


@settings(max_examples=50)
@given(cases())
def test_mixtures_lie_between_two_train_rows_of_their_genre_and_fill_up_to_the_count(case):
    labels, rows, count, seed = case
    task = made(labels, rows)
    mixed = balance.mixed(task, count, 0.4, np.random.default_rng(seed))
    assert counts(mixed.labels, mixed.train) == dict.fromkeys(counts(labels, rows), count)
    np.testing.assert_array_equal(mixed.features[: len(labels)], task.features)
    for row in range(len(labels), len(mixed.labels)):
        own = task.features[rows[labels[rows] == mixed.labels[row]]]
        assert own.min() - 1e-3 <= mixed.features[row].min()
        assert mixed.features[row].max() <= own.max() + 1e-3
    assert set(mixed.train[mixed.train < len(labels)]) <= set(rows)


@settings(max_examples=25)
@given(cases(), st.sampled_from(balance.ROWS))
def test_no_variant_touches_what_is_not_train(case, name):
    labels, rows, count, seed = case
    others = np.setdiff1d(np.arange(len(labels)), rows)
    task = replace(made(labels, rows), val=others[::2], test=others[1::2])
    chosen = Balance(cap=count, count=count, alpha=0.4, beta=0.9, gamma=2.0, tau=1.0)
    found = balance.rebalanced(name, task, rows[:0], chosen, np.random.default_rng(seed))
    assert not set(found.train) & set(others)
    for side in ("val", "test"):
        np.testing.assert_array_equal(getattr(found, side), getattr(task, side))
        np.testing.assert_array_equal(found.labels[getattr(task, side)], labels[getattr(task, side)])


def test_equal_draws_are_the_seed_s():
    labels, rows = np.repeat([0, 1], 50), np.arange(100)
    one, same, other = (balance.down(labels, rows, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()


PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 3,
    "balance.cap": 8,
    "balance.count": 12,
    "experiments.seeds": [1, 2],
}


def read(workspace):
    return json.loads((workspace / "metrics/balance.json").read_text())


def test_the_stage_scores_every_variant_on_the_same_untouched_test_rows(workspace, set_params):
    dataset = write_dataset(workspace)
    set_params(PARAMS)
    balance.main()
    told = read(workspace)
    variants = told["variants"]
    assert set(variants) == {*balance.ROWS, *balance.LOSSES}
    assert variants["none"]["train_images"] == {"thin": 24, "bold": 12}
    assert variants["down"]["train_images"] == {"thin": 8, "bold": 8}
    assert variants["equal"]["train_images"] == variants["mixup"]["train_images"] == {"thin": 12, "bold": 12}
    for name, each in variants.items():
        assert {genre: of["support"] for genre, of in each["test"]["per_genre"].items()} == {"thin": 8, "bold": 4}
        assert len(each["test"]["accuracy_by_seed"]) == 2
        change = each["test"]["accuracy"] - variants["none"]["test"]["accuracy"]
        assert each["against_none"]["accuracy"]["difference"] == pytest.approx(change, abs=2e-6)
        assert each["outcome"].startswith(f"{name} changes balanced accuracy by ")
    assert told["scored_rows"] == probe.test_rows_digest(dataset)
    assert (workspace / "plots/balance.png").stat().st_size > 1000


def test_a_variant_that_changes_nothing_is_the_baseline_to_the_last_digit(workspace, set_params):
    """None of 24 and 12 train rows is above the cap: `down` is the identity."""
    write_dataset(workspace)
    set_params(PARAMS | {"balance.cap": 24})
    balance.main()
    variants = read(workspace)["variants"]
    assert variants["down"]["test"] == variants["none"]["test"]
    assert variants["down"]["against_none"]["accuracy"] == {"difference": 0.0, "interval": [0.0, 0.0]}


def test_shuffled_labels_give_chance_under_every_variant(workspace, set_params):
    dataset = write_dataset(workspace)
    shuffled = np.random.default_rng(4).permutation(dataset["label"])
    names = dict(enumerate(["thin", "bold"]))
    changed = dataset.assign(label=shuffled.astype(np.int8), genre=[names[label] for label in shuffled])
    write_table(changed, DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS | {"experiments.seeds": [1, 2, 3]})
    balance.main()
    for each in read(workspace)["variants"].values():
        assert each["test"]["balanced_accuracy"] < 0.8


def test_augmented_rows_serve_equal_alone(workspace, set_params):
    """The three variants of each train row look like the other genre: `equal`, which fills up with them, learns them."""
    dataset = write_dataset(workspace)
    features = np.load(workspace / "data/features/vgg16.npy")
    means = np.stack([features[dataset["label"] == label].mean(axis=0) for label in (1, 0)])
    train = dataset.loc[dataset["split"] == "train", "label"]
    np.save(workspace / "data/features/vgg16-augmented.npy", np.tile(means[train], (3, 1)).astype(np.float32))
    found = []
    for copies in (0, 3):
        set_params(PARAMS | {"balance.count": 96, "augment.copies": copies})
        balance.main()
        found.append(read(workspace)["variants"])
    for name in found[0]:
        assert (found[0][name]["test"] == found[1][name]["test"]) == (name != "equal"), name


def test_equal_runs_write_equal_bytes(workspace, set_params):
    write_dataset(workspace)
    set_params(PARAMS)
    written = []
    for _ in range(2):
        balance.main()
        written.append([(workspace / name).read_bytes() for name in ("metrics/balance.json", "plots/balance.png")])
    assert written[0] == written[1]
