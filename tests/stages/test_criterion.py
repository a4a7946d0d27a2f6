"""stages/criterion.py: labels other than genres."""

import json

import numpy as np
import pandas as pd
import pytest

from stages import criterion
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import TITLES, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ProbeTask

PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 6,
    "experiments.seeds": [1, 2],
    "criterion.merged": [["thin", "bold"]],
    "criterion.authors": 3,
}


def title_table(count: int, authors: int) -> pd.DataFrame:
    """Titles 0 .. count - 1, title i by author i modulo `authors`."""
    rows = [
        (
            number,
            f"t{number}",
            [f"author {number % authors}", "other"],
            ["x"],
            8 + number / count,
            False,
            "demo",
            number % 2 == 0,
        )
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=TITLES.names)


@pytest.fixture
def dataset(workspace, set_params):
    rows = write_dataset(workspace, extra_genre=True)
    write_table(title_table(20, 4), TITLES, workspace / "data/raw/titles.parquet")
    set_params(PARAMS)
    return rows


def run(workspace):
    criterion.main()
    return json.loads((workspace / "metrics/criterion.json").read_text())


def test_every_criterion_is_trained_and_compared_with_chance(workspace, dataset):
    metrics = run(workspace)
    criteria = metrics["criteria"]
    assert set(criteria) == {"author", "author_apart", "author_together", "rating", "merged", "finished"}
    assert metrics["left_out"] == {}
    assert set(criteria["merged"]["per_genre"]) == {"thin+bold", "round"}
    assert set(criteria["finished"]["per_genre"]) == {"True", "False"}
    assert len(criteria["rating"]["per_genre"]) == 3
    assert len(criteria["author"]["per_genre"]) == 3
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)
    known, merged = criteria["author_together"]["against_apart"], criteria["merged"]["against_all_genres"]
    order = ("author", "author_apart", "author_together", "rating", "merged", "finished")
    gains = ", ".join(f"{name} ({bootstrap.describe(criteria[name]['against_majority'])})" for name in order)
    assert metrics["outcome"] == (
        f"accuracy against always the largest class: {gains}; "
        f"author accuracy with titles seen in training against unseen titles: {bootstrap.verdict(known)}; "
        f"accuracy of training on merged genres against adding probabilities: {bootstrap.verdict(merged)}"
    )
    assert metrics["summary"] == {
        **bootstrap.change_metrics("known_title_change", known),
        **bootstrap.change_metrics("merged_change", merged),
    }
    assert (workspace / "plots/criterion.png").stat().st_size > 1000


def test_features_of_authors_predict_authors_and_not_ratings(workspace, dataset):
    authors = np.asarray(dataset["title_id"] % 4)
    features = np.random.default_rng(0).normal(size=(len(dataset), 5)) + 6 * np.eye(5)[authors]
    np.save(workspace / "data/features/inception_v3.npy", features.astype(np.float32))
    criteria = run(workspace)["criteria"]
    assert criteria["author"]["accuracy"] > 0.9
    assert criteria["author_apart"]["accuracy"] > 0.9
    assert abs(criteria["rating"]["kappa"]) < 0.5


@pytest.mark.slow
def test_features_of_titles_give_a_gain_from_knowing_the_title(workspace, dataset, set_params):
    """Other episodes of the title help, the author's other titles do not."""
    titles = np.asarray(dataset["title_id"])
    features = np.random.default_rng(0).normal(0, 0.3, (len(dataset), 20)) + 4 * np.eye(20)[titles]
    np.save(workspace / "data/features/inception_v3.npy", features.astype(np.float32))
    set_params({"experiments.epochs": 30, "experiments.patience": 30})
    criteria = run(workspace)["criteria"]
    assert criteria["author_together"]["against_apart"]["interval"][0] > 0


@pytest.mark.slow
def test_starting_from_the_genre_model_changes_the_result(workspace, dataset, set_params):
    results = []
    for init in ("random", "genre"):
        set_params({"criterion.init": init, "experiments.epochs": 1})
        criteria = run(workspace)["criteria"]
        results.append({name: scores["accuracy_by_seed"] for name, scores in criteria.items()})
    assert results[0] != results[1]


def test_probabilities_of_merged_genres_are_added_by_group_and_not_by_name():
    probabilities = np.array([[[0.3, 0.3, 0.4], [0.1, 0.2, 0.7]]])
    summed = criterion.add_probabilities(probabilities, ["19+", "a+b", "round"], [["round"], ["19+", "a+b"]])
    np.testing.assert_allclose(summed, [[[0.4, 0.6], [0.7, 0.3]]])


COLUMNS = "data/raw/titles.parquet has title, star_score, adult, source, finished"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("merged", [["thin", "bold"], ["bold", "round"]], "criterion.merged has 'bold' 2 times; list it once"),
        ("columns", ["colour"], f"criterion.columns has 'colour'; {COLUMNS}"),
    ],
)
def test_unknown_columns_and_repeated_genres_are_refused_before_anything_is_written(
    workspace, dataset, set_params, key, value, message
):
    set_params({f"criterion.{key}": value})
    with pytest.raises(InputError) as error:
        criterion.main()
    assert str(error.value) == message
    assert not (workspace / "metrics").exists()


def test_what_the_titles_do_not_have_is_left_out_with_its_reason(workspace, dataset, set_params):
    """As of a folder without a manifest: no authors, no ratings, and columns without values, with one value or with too many."""
    titles = title_table(60, 20).assign(star_score=np.nan, finished=None, adult=False)
    titles["authors"] = [[] for _ in range(60)]
    write_table(titles, TITLES, workspace / "data/raw/titles.parquet")
    set_params({"criterion.merged": [["thin", "bold"], ["daily", "comic"], ["round", "drama"]]})
    set_params({"criterion.columns": ["finished", "adult"]})
    metrics = run(workspace)
    assert metrics["left_out"] == {
        "author": "no title has one",
        "author_apart": "no title has one",
        "author_together": "no title has one",
        "rating": "no title has one",
        "finished": "no title has one",
        "adult": "one class alone: False",
        "merged daily and comic": "no genre daily or comic",
        "merged round and drama": "no genre drama",
    }
    assert set(metrics["criteria"]) == {"merged"}
    rest = metrics["outcome"].partition("; left out: ")[2]
    assert all(f"{name} ({reason})" in rest for name, reason in metrics["left_out"].items())


def test_without_any_criterion_the_stage_is_skipped(workspace, dataset, set_params):
    titles = title_table(20, 20).assign(star_score=9.5)
    titles["authors"] = [["the same"] if number % 2 else [] for number in range(20)]
    write_table(titles, TITLES, workspace / "data/raw/titles.parquet")
    set_params({"criterion.merged": [["daily", "comic"]], "criterion.columns": []})
    metrics = run(workspace)
    assert metrics["outcome"] == (
        "skipped: author (one class alone: the same), author_apart (one class alone: the same), author_together (one class "
        "alone: the same), rating (one class alone: 2: 9.50 and more), merged daily and comic (no genre daily or comic)"
    )
    assert metrics["summary"] == {}
    assert (workspace / "plots/criterion.png").stat().st_size > 1000


def make_task(classes, train):
    labels, rows = np.arange(len(classes)), np.arange(len(classes))
    return ProbeTask(np.zeros((len(classes), 1)), labels, labels, classes, np.asarray(train), rows, rows)


@pytest.mark.parametrize(
    ("classes", "train", "most", "reason"),
    [
        (["a", "b"], [0, 1], None, None),
        ([f"t{number}" for number in range(51)], range(51), 50, "51 values; at most 50 can be classes"),
        ([f"t{number}" for number in range(51)], range(51), None, None),
        (["a", "b", "c"], [1], None, "no train images of a, c"),
    ],
)
def test_a_criterion_needs_train_images_of_at_least_two_classes(classes, train, most, reason):
    assert criterion.obstacle(make_task(classes, train), most) == reason
