"""stages/criterion.py: labels other than genres."""

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
    assert metrics["outcome"].startswith(f"kappa by author {criteria['author']['kappa']:.2f}, ")
    assert metrics["outcome"].count("95% CI") == 2
    assert metrics["summary"]["rating"] == {name: criteria["rating"][name] for name in ("accuracy", "kappa")}
    assert (workspace / "plots/criterion.png").stat().st_size > 1000


def test_features_of_authors_predict_authors_and_not_ratings(workspace, dataset):
    authors = np.asarray(dataset["title_id"] % 4)
    features = np.random.default_rng(0).normal(size=(len(dataset), 5)) + 6 * np.eye(5)[authors]
    np.save(workspace / "data/features/vgg16.npy", features.astype(np.float32))
    criteria = run(workspace)["criteria"]
    assert criteria["author"]["accuracy"] > 0.9
    assert criteria["author_apart"]["accuracy"] > 0.9
    assert abs(criteria["rating"]["kappa"]) < 0.5


@pytest.mark.slow
def test_features_of_titles_give_a_gain_from_knowing_the_title(workspace, dataset, set_params):
    """Other episodes of the title help, the author's other titles do not."""
    titles = np.asarray(dataset["title_id"])
    features = np.random.default_rng(0).normal(0, 0.3, (len(dataset), 20)) + 4 * np.eye(20)[titles]
    np.save(workspace / "data/features/vgg16.npy", features.astype(np.float32))
    set_params({"experiments.epochs": 30, "experiments.patience": 30})
    criteria = run(workspace)["criteria"]
    assert criteria["author_together"]["against_apart"]["interval"][0] > 0


@pytest.mark.slow
def test_starting_from_the_genre_model_changes_the_result(workspace, dataset, set_params):
    accuracies = []
    for init in ("random", "genre"):
        set_params({"criterion.init": init})
        accuracies.append(run(workspace)["criteria"]["rating"]["accuracy_by_seed"])
    assert accuracies[0] != accuracies[1]


def test_probabilities_of_merged_genres_are_added():
    probabilities = np.array([[[0.3, 0.3, 0.4], [0.1, 0.2, 0.7]]])
    summed = criterion.add_probabilities(probabilities, ["thin", "bold", "round"], ["round", "thin+bold"])
    np.testing.assert_allclose(summed, [[[0.4, 0.6], [0.7, 0.3]]])


@st.composite
def catalogues(draw):
    """Episodes of titles by authors of two titles or more."""
    sizes = draw(st.lists(st.lists(st.integers(2, 12), min_size=2, max_size=4), min_size=2, max_size=4))
    rows = [
        {"title_id": 10 * author + title, "no": no, "author": f"a{author}"}
        for author, titles in enumerate(sizes)
        for title, episodes in enumerate(titles)
        for no in range(episodes)
    ]
    return pd.DataFrame(rows), draw(st.integers(0, 99))


@settings(max_examples=50)
@given(catalogues())
def test_author_splits_have_the_same_test_rows_and_equal_train_and_val_counts(case):
    rows, seed = case
    together, apart = criterion.author_splits(rows, rows["author"], seed)
    assert ((together == "test") == (apart == "test")).all()
    test_titles = set(rows.loc[apart == "test", "title_id"])
    assert len(test_titles) == rows["author"].nunique()
    assert not test_titles & set(rows.loc[apart.isin(["train", "val"]), "title_id"])
    for side in ("train", "val"):
        counts = [rows["author"][sides == side].value_counts().to_dict() for sides in (together, apart)]
        assert counts[0] == counts[1]
    assert test_titles & set(rows.loc[together.isin(["train", "val"]), "title_id"])


def test_rating_bands_have_equal_numbers_of_train_titles(dataset):
    bands = criterion.rating_bands(dataset, title_table(20, 4), 4)
    train = dataset["split"] == "train"
    assert dataset[train].groupby(bands)["title_id"].nunique().tolist() == [3, 3, 3, 3]
    assert bands.iloc[0].startswith("1: below ")


def test_a_title_without_a_rating_or_an_author_is_in_no_class(dataset):
    titles = title_table(20, 4)
    titles.loc[3, "star_score"] = np.nan
    titles.at[5, "authors"] = []
    assert criterion.rating_bands(dataset, titles, 3)[dataset["title_id"] == 3].isna().all()
    assert criterion.lead_authors(dataset, titles)[dataset["title_id"] == 5].isna().all()


GENRES = "give genres of thin, bold, round, each once"
COLUMNS = "data/raw/titles.parquet has title, star_score, adult, source, finished"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("merged", [["thin", "flat"]], f"criterion.merged has 'flat': {GENRES}"),
        ("merged", [["thin", "bold"], ["bold", "round"]], f"criterion.merged has 'bold': {GENRES}"),
        ("columns", ["colour"], f"criterion.columns has 'colour'; {COLUMNS}"),
    ],
)
def test_unknown_genres_and_columns_are_refused_before_anything_is_written(
    workspace, dataset, set_params, key, value, message
):
    set_params({f"criterion.{key}": value})
    with pytest.raises(InputError) as error:
        criterion.main()
    assert str(error.value) == message
    assert not (workspace / "metrics").exists()


def test_a_criterion_that_cannot_be_trained_is_left_out_with_its_reason(workspace, dataset):
    write_table(title_table(20, 20).assign(finished=None), TITLES, workspace / "data/raw/titles.parquet")
    metrics = run(workspace)
    assert metrics["left_out"] == {"author_apart": "0 classes", "author_together": "0 classes", "finished": "0 classes"}
    assert "author" in metrics["criteria"]
