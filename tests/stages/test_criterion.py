"""stages/criterion.py: other labels than genres."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import criterion
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import TITLES, write_table
from webtoon_genre.experiments import probe

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


def told(workspace):
    criterion.main()
    return json.loads((workspace / "metrics/criterion.json").read_text())


def test_every_criterion_is_trained_and_stands_beside_chance(workspace, dataset):
    found = told(workspace)
    assert set(found["criteria"]) == {"author", "author_apart", "author_together", "rating", "merged", "finished"}
    assert found["left_out"] == {}
    assert set(found["criteria"]["merged"]["per_genre"]) == {"thin+bold", "round"}
    assert set(found["criteria"]["finished"]["per_genre"]) == {"True", "False"}
    assert len(found["criteria"]["rating"]["per_genre"]) == 3
    assert len(found["criteria"]["author"]["per_genre"]) == 3
    assert found["scored_rows"] == probe.test_rows_digest(dataset)
    assert found["outcome"].startswith(f"kappa by author {found['criteria']['author']['kappa']:.2f}, ")
    assert found["outcome"].count(" changes accuracy by ") == 2
    assert (workspace / "plots/criterion.png").stat().st_size > 1000


def test_authors_that_features_tell_are_recognised_and_titles_without_meaning_are_not(workspace, dataset):
    own = np.asarray(dataset["title_id"] % 4)
    features = np.random.default_rng(0).normal(size=(len(dataset), 5)) + 6 * np.eye(5)[own]
    np.save(workspace / "data/features/vgg16.npy", features.astype(np.float32))
    found = told(workspace)["criteria"]
    assert found["author"]["accuracy"] > 0.9
    assert found["author_apart"]["accuracy"] > 0.9
    assert abs(found["rating"]["kappa"]) < 0.5


def test_a_model_that_knows_titles_and_not_authors_shows_by_the_difference(workspace, dataset, set_params):
    """Features tell the title alone: other episodes of it help, the author's other titles do not."""
    own = np.asarray(dataset["title_id"])
    features = np.random.default_rng(0).normal(0, 0.3, (len(dataset), 20)) + 4 * np.eye(20)[own]
    np.save(workspace / "data/features/vgg16.npy", features.astype(np.float32))
    set_params({"experiments.epochs": 30, "experiments.patience": 30})
    found = told(workspace)["criteria"]
    assert found["author_together"]["against_apart"]["interval"][0] > 0


def test_starting_from_the_genre_model_is_another_start(workspace, dataset, set_params):
    found = []
    for init in ("random", "genre"):
        set_params({"criterion.init": init})
        found.append(told(workspace)["criteria"]["rating"]["accuracy_by_seed"])
    assert found[0] != found[1]


def test_merged_genres_are_compared_with_added_probabilities():
    said = np.array([[[0.3, 0.3, 0.4], [0.1, 0.2, 0.7]]])
    summed = criterion.added(said, ["thin", "bold", "round"], ["round", "thin+bold"])
    np.testing.assert_allclose(summed, [[[0.4, 0.6], [0.7, 0.3]]])


@st.composite
def shelves(draw):
    """Episodes of titles, each title by an author of two titles or more."""
    sizes = draw(st.lists(st.lists(st.integers(2, 12), min_size=2, max_size=4), min_size=2, max_size=4))
    rows = [
        {"title_id": 10 * author + title, "no": no, "author": f"a{author}"}
        for author, titles in enumerate(sizes)
        for title, episodes in enumerate(titles)
        for no in range(episodes)
    ]
    return pd.DataFrame(rows), draw(st.integers(0, 99))


@settings(max_examples=50)
@given(shelves())
def test_authors_titles_apart_and_together_are_tested_on_the_same_rows_and_learned_from_as_many(case):
    rows, seed = case
    together, apart = criterion.author_sides(rows, rows["author"], seed)
    assert ((together == "test") == (apart == "test")).all()
    held = set(rows.loc[apart == "test", "title_id"])
    assert len(held) == rows["author"].nunique()
    learned = apart.isin(["train", "val"])
    assert not held & set(rows.loc[learned, "title_id"])
    for side in ("train", "val"):
        counts = [rows["author"][sides == side].value_counts().to_dict() for sides in (together, apart)]
        assert counts[0] == counts[1]
    assert held & set(rows.loc[together.isin(["train", "val"]), "title_id"])


def test_bands_have_as_many_train_titles_each(dataset):
    titles = title_table(20, 4)
    found = criterion.bands(dataset, titles, 4)
    train = dataset["split"] == "train"
    assert dataset[train].groupby(found)["title_id"].nunique().tolist() == [3, 3, 3, 3]
    assert found.iloc[0].startswith("1: below ")


def test_a_title_without_a_rating_or_an_author_stands_in_no_class(dataset):
    titles = title_table(20, 4)
    titles.loc[3, "star_score"] = np.nan
    titles.at[5, "authors"] = []
    assert criterion.bands(dataset, titles, 3)[dataset["title_id"] == 3].isna().all()
    assert criterion.lead_authors(dataset, titles)[dataset["title_id"] == 5].isna().all()


KNOWN = "give genres of thin, bold, round, each once"
COLUMNS = "data/raw/titles.parquet has title, star_score, adult, source, finished"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("merged", [["thin", "flat"]], f"criterion.merged has 'flat': {KNOWN}"),
        ("merged", [["thin", "bold"], ["bold", "round"]], f"criterion.merged has 'bold': {KNOWN}"),
        ("columns", ["colour"], f"criterion.columns has 'colour'; {COLUMNS}"),
    ],
)
def test_labels_that_are_none_are_refused_before_anything_is_written(
    workspace, dataset, set_params, key, value, message
):
    set_params({f"criterion.{key}": value})
    with pytest.raises(InputError) as caught:
        criterion.main()
    assert str(caught.value) == message
    assert not (workspace / "metrics").exists()


def test_a_criterion_that_cannot_be_learned_is_left_out_with_its_reason(workspace, dataset):
    write_table(title_table(20, 20).assign(finished=None), TITLES, workspace / "data/raw/titles.parquet")
    found = told(workspace)
    assert found["left_out"] == {"author_apart": "0 classes", "author_together": "0 classes", "finished": "0 classes"}
    assert "author" in found["criteria"]
