"""stages/ambiguity.py: what the labels are worth, on drawn data and on the embedded site, where overlap and wrong labels are planted."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench import labels as planted
from stages import ambiguity
from tests.support.synthetic_features import write_dataset
from webtoon_genre.core import params
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, INDEX, class_names, read_table, write_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Probe
from webtoon_genre.reproducibility import runtime

PARAMS = {"experiments.lr": 0.01, "experiments.epochs": 6, "experiments.seeds": [1, 2], "ambiguity.folds": 3}


@pytest.fixture
def dataset(workspace, set_params):
    """Two genres, and thumbnails of them; the first pictures of two titles, one of each genre, look alike."""
    set_params(PARAMS)
    rows = write_dataset(workspace)
    generator, hashes = np.random.default_rng(4), {}
    for title, own in rows.groupby("title_id"):
        (workspace / "data/resized").mkdir(exist_ok=True)
        np.save(workspace / f"data/resized/{title}.npy", generator.integers(0, 255, (len(own), 16, 16, 3), np.uint8))
        hashes |= {(title, no): int(generator.integers(2**63)) for no in own["no"]}
    hashes[12, 0] = hashes[2, 0] ^ 0b101
    index = rows[["title_id", "no"]].assign(
        row=rows["no"],
        sha256="",
        width=16,
        height=16,
        perceptual_hash=[f"{hashes[key]:016x}" for key in zip(rows["title_id"], rows["no"], strict=True)],
    )
    write_table(index, INDEX, workspace / "data/resized/index.parquet")
    return rows


def test_the_stage_writes_its_judgement_and_like_pictures_of_different_labels(dataset, workspace):
    ambiguity.main()
    found = json.loads((workspace / "metrics/ambiguity.json").read_text())
    assert found["scored_rows"] == probe.test_rows_digest(dataset)
    assert found["accuracy"] > 0.8
    assert found["titles"] == 15
    assert found["lookalikes"] == {
        "distance": 3,
        "pairs": 1,
        "images": 2,
        "nearest": [
            {
                "bits": 2,
                "one": {"title_id": 2, "no": 0, "genre": "thin"},
                "other": {"title_id": 12, "no": 0, "genre": "bold"},
            }
        ],
    }
    table = read_table(workspace / "data/ambiguity.parquet", ambiguity.TABLE)
    assert len(table) == 15
    assert table["flagged"].sum() == found["flagged"]["titles"]
    for name in ("ambiguity.png", "ambiguity_titles.jpg", "ambiguity_lookalikes.png"):
        assert (workspace / f"plots/{name}").stat().st_size > 1000


def test_equal_runs_write_equal_bytes(dataset, workspace):
    written = []
    for _ in range(2):
        ambiguity.main()
        paths = [
            *sorted((workspace / "plots").glob("*")),
            workspace / "metrics/ambiguity.json",
            workspace / "data/ambiguity.parquet",
        ]
        written.append([path.read_bytes() for path in paths])
    assert len(written[0]) == 5
    assert written[0] == written[1]


def test_a_label_s_own_title_teaches_nothing(dataset, workspace):
    """Predictions of a title stay the same to the last digit when its own labels are turned."""
    settings = params.read(ambiguity.Params)
    runtime.start_keras(settings.runtime)
    task = probe.probe_task(dataset, np.load(workspace / "data/features/vgg16.npy"), class_names(dataset))
    folds, trials = ambiguity.dealt(dataset, 3, 77), Probe(settings)
    said = ambiguity.out_of_fold(task, folds, trials)
    own = (folds == 0) & (dataset["title_id"] == dataset["title_id"][np.flatnonzero(folds == 0)[0]]).to_numpy()
    turned = task.labels.copy()
    turned[own] = 1 - turned[own]
    again = ambiguity.out_of_fold(replace(task, labels=turned), folds, trials)
    np.testing.assert_array_equal(again[folds == 0], said[folds == 0])
    assert not np.array_equal(again[folds == 1], said[folds == 1])


def test_folds_hold_whole_titles_evenly_and_a_new_title_moves_no_other(dataset):
    folds = ambiguity.dealt(dataset, 3, 77)
    assert pd.Series(folds).groupby(dataset["title_id"]).nunique().max() == 1
    of_thin = pd.Series(folds[dataset["genre"] == "thin"]).value_counts()
    assert of_thin.max() - of_thin.min() <= 4
    later = pd.concat([dataset, dataset[dataset["title_id"] == 0].assign(title_id=99, group=99)], ignore_index=True)
    np.testing.assert_array_equal(ambiguity.dealt(later, 3, 77)[: len(dataset)], folds)


def test_one_genre_alone_cannot_be_judged(dataset, workspace):
    write_table(dataset[dataset["label"] == 0], DATASET, workspace / "data/dataset.parquet")
    with pytest.raises(InputError) as error:
        ambiguity.main()
    assert str(error.value) == "the dataset has the genre thin alone; labels can be judged where there are two or more"


def test_titles_that_fill_too_few_folds_cannot_be_judged(dataset, workspace):
    write_table(dataset[dataset["title_id"].isin([0, 12])], DATASET, workspace / "data/dataset.parquet")
    np.save(workspace / "data/features/vgg16.npy", np.zeros((8, 5), np.float32))
    with pytest.raises(
        InputError, match=r"^2 titles fill [12] of 3 folds; 3 are needed, to learn from, to stop by and to predict: add"
    ):
        ambiguity.main()


# The embedded site, drawn here without HTTP, with a small random backbone: what params.yaml has at its default scale.


@pytest.fixture(scope="module")
def clean():
    return planted.found(0.01, 0.0, "mobilenet_v2", 10, [77, 78], 1e-3)


def test_the_genres_that_the_site_draws_alike_come_out_on_top(clean):
    pairs = [set(each["genres"]) for each in clean.judged["overlaps"][:2]]
    assert {"daily", "comic"} in pairs
    assert {"pure", "sensibility"} in pairs
    assert clean.judged["overlaps"][0]["interval"][0] > 1


def test_wrong_labels_planted_in_the_site_are_found():
    """Precision 0.22, recall 0.73 of 11 wrong ones among 77 titles (0.14 by chance); more of it by `python -m bench.labels`."""
    found = planted.found(0.01, 0.1, "mobilenet_v2", 10, [77, 78], 1e-3)
    assert 7 <= len(found.planted) <= 15
    assert found.recall >= 0.6
    assert found.precision > 1.2 * len(found.planted) / len(found.ranked)
    assert found.first > 1.5 * len(found.planted) / len(found.ranked)


def test_most_flagged_titles_have_a_reason(clean):
    """They are drawn in a manner that another genre has more often; of all titles that is true of fewer."""
    assert clean.planted == set()
    assert clean.explained > 1.5 * len(clean.strange & set(clean.ranked)) / len(clean.ranked)
