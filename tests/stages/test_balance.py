"""stages/balance.py: rebalancing changes train rows only."""

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
from webtoon_genre.evaluation import bootstrap
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
    sampled = balance.down(labels, rows, cap, np.random.default_rng(seed))
    assert counts(labels, sampled) == {label: min(cap, count) for label, count in counts(labels, rows).items()}
    assert len(set(sampled)) == len(sampled)
    assert set(sampled) <= set(rows)


@settings(max_examples=50)
@given(cases())
def test_equal_gives_each_genre_the_count_and_repeats_its_rows_evenly(case):
    labels, rows, count, seed = case
    sampled = balance.equal(labels, rows, rows[:0], count, np.random.default_rng(seed))
    assert counts(labels, sampled) == dict.fromkeys(counts(labels, rows), count)
    assert set(sampled) <= set(rows)
    for label in set(labels[rows]):
        repeats = [int((sampled == row).sum()) for row in rows[labels[rows] == label]]
        assert max(repeats) - min(repeats) <= 1


@settings(max_examples=50)
@given(cases())
def test_augmented_rows_are_sampled_before_any_row_is_repeated(case):
    labels, rows, count, seed = case
    augmented = np.arange(len(labels), len(labels) + len(rows))  # one copy of each train row
    extended = np.concatenate([labels, labels[rows]])
    sampled = balance.equal(extended, rows, augmented, count, np.random.default_rng(seed))
    assert counts(extended, sampled) == dict.fromkeys(counts(labels, rows), count)
    for label in set(labels[rows]):
        originals, copies = rows[labels[rows] == label], augmented[labels[rows] == label]
        chosen = sampled[extended[sampled] == label]
        assert len(set(chosen)) == min(count, len(originals) + len(copies))
        if count >= len(originals):
            assert set(originals) <= set(chosen)
        else:
            assert not set(copies) & set(chosen)


def make_task(labels, train):
    """A task with these labels."""
    features = np.arange(2.0 * len(labels), dtype=np.float32).reshape(-1, 2)
    return ProbeTask(features, labels, np.arange(len(labels)), ["a", "b", "c", "d"], train, train[:0], train[:0])


@settings(max_examples=50)
@given(cases())
def test_mixtures_lie_between_two_train_rows_of_their_genre_and_fill_up_to_the_count(case):
    labels, rows, count, seed = case
    task = make_task(labels, rows)
    mixed = balance.mixup(task, count, 0.4, np.random.default_rng(seed))
    assert counts(mixed.labels, mixed.train) == dict.fromkeys(counts(labels, rows), count)
    np.testing.assert_array_equal(mixed.features[: len(labels)], task.features)
    for row in range(len(labels), len(mixed.labels)):
        originals = task.features[rows[labels[rows] == mixed.labels[row]]]
        assert originals.min() - 1e-3 <= mixed.features[row].min()
        assert mixed.features[row].max() <= originals.max() + 1e-3
    assert set(mixed.train[mixed.train < len(labels)]) <= set(rows)


@settings(max_examples=25)
@given(cases(), st.sampled_from(balance.ROWS))
def test_no_method_changes_val_or_test_rows(case, method):
    labels, rows, count, seed = case
    others = np.setdiff1d(np.arange(len(labels)), rows)
    task = replace(make_task(labels, rows), val=others[::2], test=others[1::2])
    params = Balance(cap=count, count=count, alpha=0.4, beta=0.9, gamma=2.0, tau=1.0)
    rebalanced = balance.rebalance(method, task, rows[:0], params, np.random.default_rng(seed))
    assert not set(rebalanced.train) & set(others)
    for side in ("val", "test"):
        np.testing.assert_array_equal(getattr(rebalanced, side), getattr(task, side))
        np.testing.assert_array_equal(rebalanced.labels[getattr(task, side)], labels[getattr(task, side)])


def test_samples_depend_on_the_seed_alone():
    labels, rows = np.repeat([0, 1], 50), np.arange(100)
    first, again, second = (balance.down(labels, rows, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != second.tolist()


PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 3,
    "balance.cap": 8,
    "balance.count": 12,
    "experiments.seeds": [1, 2],
}


def read(workspace):
    return json.loads((workspace / "metrics/balance.json").read_text())


@pytest.mark.slow
def test_the_stage_scores_every_method_on_the_same_test_rows(workspace, set_params):
    dataset = write_dataset(workspace)
    set_params(PARAMS)
    balance.main()
    metrics = read(workspace)
    variants = metrics["variants"]
    assert set(variants) == {*balance.ROWS, *balance.LOSSES}
    assert variants["none"]["train_images"] == {"thin": 24, "bold": 12}
    assert variants["down"]["train_images"] == {"thin": 8, "bold": 8}
    assert variants["equal"]["train_images"] == variants["mixup"]["train_images"] == {"thin": 12, "bold": 12}
    for name, scores in variants.items():
        support = {genre: values["support"] for genre, values in scores["test"]["per_genre"].items()}
        assert support == {"thin": 8, "bold": 4}
        assert len(scores["test"]["accuracy_by_seed"]) == 2
        change = scores["test"]["accuracy"] - variants["none"]["test"]["accuracy"]
        assert scores["against_none"]["accuracy"]["difference"] == pytest.approx(change, abs=2e-6)
        assert scores["outcome"].startswith(f"balanced accuracy of {name.replace('_', ' ')} against none: ")
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)
    change = variants["class_weights"]["against_none"]["balanced_accuracy"]
    assert metrics["summary"] == bootstrap.change_metrics("class_weights_change", change)
    assert (workspace / "plots/balance.png").stat().st_size > 1000


def variants_of(lower_bounds, titles):
    """Methods whose change of balanced accuracy is 0.1 above its lower bound, and the baseline."""
    changes = {
        method: {"difference": low + 0.1, "interval": [low, low + 0.2], "titles": titles}
        for method, low in ({"none": 0.0} | lower_bounds).items()
    }
    return {method: {"against_none": {"balanced_accuracy": change}} for method, change in changes.items()}


@pytest.mark.parametrize(
    ("lower_bounds", "outcome", "headline"),
    [
        (
            {"down": -0.2, "class_weights": -0.1},
            "0 of 2 methods improve balanced accuracy (interval above 0); "
            "largest change: class weights, +0.000 [-0.100, +0.100], 10 titles",
            "Genres of unequal size: no gain in balanced accuracy shown by any of 2 methods",
        ),
        (
            {"down": 0.1, "class_weights": -0.1},
            "1 of 2 methods improves balanced accuracy (interval above 0): down; "
            "largest change: down, +0.200 [+0.100, +0.300], 10 titles",
            "Genres of unequal size: a gain in balanced accuracy by down, of 2 methods",
        ),
    ],
)
def test_the_outcome_names_the_methods_with_a_gain_and_how_many_were_compared(lower_bounds, outcome, headline):
    variants = variants_of(lower_bounds, 10)
    assert balance.outcome(variants) == outcome
    assert balance.headline(variants) == headline


def test_on_few_titles_no_method_is_said_to_gain():
    variants = variants_of({"down": 0.1, "class_weights": 0.2, "focal": -0.3}, 6)
    assert balance.outcome(variants) == (
        "too few test titles (6) to tell whether any of 3 methods improves balanced accuracy; "
        "largest change: class weights, +0.300 [+0.200, +0.400], 6 titles"
    )
    assert balance.headline(variants) == "Genres of unequal size: too few test titles (6) to tell"


def test_genres_of_equal_size_have_nothing_to_balance(workspace, set_params):
    dataset = write_dataset(workspace)
    dataset.loc[(dataset["genre"] == "thin") & (dataset["title_id"] >= 5), "split"] = "val"
    write_table(dataset, DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS)
    balance.main()
    metrics = read(workspace)
    assert metrics["outcome"] == "skipped: each of 2 genres has 12 train images: no imbalance"
    assert metrics["summary"] == {}
    assert (workspace / "plots/balance.png").stat().st_size > 1000


@pytest.mark.slow
def test_a_method_that_changes_nothing_equals_the_baseline_to_the_last_digit(workspace, set_params):
    """Neither 24 nor 12 train rows exceed the cap: `down` is the identity."""
    write_dataset(workspace)
    set_params(PARAMS | {"balance.cap": 24})
    balance.main()
    variants = read(workspace)["variants"]
    assert variants["down"]["test"] == variants["none"]["test"]
    assert variants["down"]["against_none"]["accuracy"] == {"difference": 0.0, "interval": [0.0, 0.0], "titles": 3}


@pytest.mark.exhaustive
def test_shuffled_labels_give_chance_with_every_method(workspace, set_params):
    dataset = write_dataset(workspace)
    shuffled = np.random.default_rng(4).permutation(dataset["label"])
    names = dict(enumerate(["thin", "bold"]))
    changed = dataset.assign(label=shuffled.astype(np.int8), genre=[names[label] for label in shuffled])
    write_table(changed, DATASET, workspace / "data/dataset.parquet")
    set_params(PARAMS | {"experiments.seeds": [1, 2, 3]})
    balance.main()
    for scores in read(workspace)["variants"].values():
        assert scores["test"]["balanced_accuracy"] < 0.8


@pytest.mark.slow
def test_augmented_rows_are_used_by_equal_alone(workspace, set_params):
    """The three augmented copies of each train row have features of the other genre: only `equal`, which adds them, changes."""
    dataset = write_dataset(workspace)
    features = np.load(workspace / "data/features/inception_v3.npy")
    means = np.stack([features[dataset["label"] == label].mean(axis=0) for label in (1, 0)])
    train = dataset.loc[dataset["split"] == "train", "label"]
    np.save(workspace / "data/features/inception_v3-augmented.npy", np.tile(means[train], (3, 1)).astype(np.float32))
    results = []
    for copies in (0, 3):
        set_params(PARAMS | {"balance.count": 96, "augment.copies": copies})
        balance.main()
        results.append(read(workspace)["variants"])
    for method in results[0]:
        assert (results[0][method]["test"] == results[1][method]["test"]) == (method != "equal"), method


@pytest.mark.exhaustive
def test_equal_runs_write_equal_bytes(workspace, set_params):
    write_dataset(workspace)
    set_params(PARAMS)
    runs = []
    for _ in range(2):
        balance.main()
        runs.append([(workspace / name).read_bytes() for name in ("metrics/balance.json", "plots/balance.png")])
    assert runs[0] == runs[1]
