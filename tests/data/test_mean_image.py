"""webtoon_genre/data/mean_image.py and its two stages: zero_center computes the mean, split rejects one of other rows."""

import numpy as np
import pandas as pd
import pytest

from stages import split, zero_center
from tests.support.synthetic_thumbnails import synthetic_labels, write_thumbnails
from webtoon_genre.core.errors import InputError
from webtoon_genre.data import splits
from webtoon_genre.data.mean_image import read_mean_image, rows_digest
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table

BY_TITLE = SplitParams(by="title", ratios=Ratios(train=0.6, val=0.2, test=0.2), seed=77)


@pytest.fixture
def labels(workspace):
    """Write data/resized and data/labels.parquet; return the labels."""
    rows = synthetic_labels(titles=12, images=3)
    write_thumbnails(workspace, rows)
    return rows


def test_the_mean_is_of_train_rows_only(labels, workspace):
    zero_center.main()
    train = labels[splits.assign_splits(labels, BY_TITLE) == "train"]
    expected = ThumbnailStore(workspace / "data/resized").take(train).astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(read_mean_image(workspace / "data/mean.npz").image, expected, rtol=1e-6)


def test_the_order_of_rows_changes_neither_the_mean_nor_its_digest(labels, workspace):
    shuffled = labels.sample(frac=1, random_state=1)
    thumbnails = ThumbnailStore(workspace / "data/resized")
    assert np.array_equal(zero_center.mean_image(thumbnails, labels), zero_center.mean_image(thumbnails, shuffled))
    assert rows_digest(labels) == rows_digest(shuffled)


def test_a_missing_row_changes_the_digest(labels):
    assert rows_digest(labels) != rows_digest(labels.iloc[1:])


def test_equal_runs_write_equal_bytes(labels, workspace):
    runs = []
    for _ in range(2):
        zero_center.main()
        runs.append([(workspace / name).read_bytes() for name in ("data/mean.npz", "plots/zero_center/mean.png")])
    assert runs[0] == runs[1]


def test_split_accepts_the_mean_of_its_train_rows(labels, workspace):
    zero_center.main()
    split.main()
    dataset = read_table(workspace / "data/dataset.parquet", DATASET)
    assert dataset["split"].tolist() == splits.assign_splits(labels, BY_TITLE).tolist()
    assert dataset["group"].tolist() == dataset["title_id"].tolist()


def test_split_rejects_the_mean_of_other_rows_and_writes_nothing(labels, workspace, set_params):
    zero_center.main()
    set_params({"split.seed": 78})
    with pytest.raises(InputError) as caught:
        split.main()
    assert str(caught.value) == (
        "data/mean.npz was not computed from exactly this split's train rows; run `dvc repro zero_center`"
    )
    assert not (workspace / "data/dataset.parquet").exists()


def test_all_genres_that_cannot_fill_the_split_are_named():
    rows = pd.DataFrame(
        {"title_id": [1, 1, 2], "no": [1, 2, 1], "genre": ["pure", "pure", "comic"], "label": [0, 0, 1]}
    )
    with pytest.raises(InputError) as caught:
        split.split_dataset(rows, BY_TITLE)
    assert str(caught.value) == (
        "label.genres: 'comic' has 1 image in 1 title, none of them in train, val, and needs 3 titles; "
        "add pictures or crawl more of it, or leave it out of label.genres; "
        "label.genres: 'pure' has 2 images in 1 title, none of them in val, test, and needs 4 titles; "
        "add pictures or crawl more of it, or leave it out of label.genres"
    )


def test_the_metrics_of_split_count_images_and_titles():
    dataset = split.split_dataset(synthetic_labels(titles=10, images=2), BY_TITLE)
    summary = split.summary(dataset)
    assert summary["images"] == {"train": 12, "val": 4, "test": 4}
    assert summary["titles"] == {"train": 6, "val": 2, "test": 2}
    assert summary["titles_on_two_sides"] == 0


def test_by_image_titles_in_two_splits_are_counted():
    by_image = BY_TITLE.model_copy(update={"by": "image"})
    dataset = split.split_dataset(synthetic_labels(titles=10, images=5), by_image)
    assert split.summary(dataset)["titles_on_two_sides"] == 10
