"""webtoon_genre/data/mean_image.py and the two stages that must agree on it: zero_center computes, split refuses another's."""

import numpy as np
import pandas as pd
import pytest

from stages import split, zero_center
from tests.support.synthetic_thumbnails import labelled, store
from webtoon_genre.core.errors import InputError
from webtoon_genre.data import splits
from webtoon_genre.data.mean_image import read_mean_image, rows_digest
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table

RULE = SplitParams(by="title", ratios=Ratios(train=0.6, val=0.2, test=0.2), seed=77)


@pytest.fixture
def prepared(workspace):
    """A workspace with drawn data/resized and data/labels.parquet; the labels."""
    labels = labelled(titles=12, images=3)
    store(workspace, labels)
    return labels


def test_the_mean_is_of_train_rows_only(prepared, workspace):
    zero_center.main()
    train = prepared[splits.assign_splits(prepared, RULE) == "train"]
    expected = ThumbnailStore(workspace / "data/resized").take(train).astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(read_mean_image(workspace / "data/mean.npz").image, expected, rtol=1e-6)


def test_no_order_of_rows_changes_the_mean_or_its_digest(prepared, workspace):
    shuffled = prepared.sample(frac=1, random_state=1)
    resized = ThumbnailStore(workspace / "data/resized")
    assert np.array_equal(zero_center.mean_image(resized, prepared), zero_center.mean_image(resized, shuffled))
    assert rows_digest(prepared) == rows_digest(shuffled)


def test_one_row_more_changes_the_digest(prepared):
    assert rows_digest(prepared) != rows_digest(prepared.iloc[1:])


def test_equal_runs_write_equal_bytes(prepared, workspace):
    written = []
    for _ in range(2):
        zero_center.main()
        written.append([(workspace / name).read_bytes() for name in ("data/mean.npz", "plots/zero_center/mean.png")])
    assert written[0] == written[1]


def test_split_takes_the_mean_of_its_own_train_rows(prepared, workspace):
    zero_center.main()
    split.main()
    dataset = read_table(workspace / "data/dataset.parquet", DATASET)
    assert dataset["split"].tolist() == splits.assign_splits(prepared, RULE).tolist()
    assert dataset["group"].tolist() == dataset["title_id"].tolist()


def test_split_refuses_the_mean_of_other_rows_and_writes_nothing(prepared, workspace, set_params):
    zero_center.main()
    set_params({"split.seed": 78})
    with pytest.raises(InputError) as caught:
        split.main()
    assert str(caught.value) == (
        "data/mean.npz was not computed from exactly this split's train rows; run `dvc repro zero_center`"
    )
    assert not (workspace / "data/dataset.parquet").exists()


def test_a_genre_that_cannot_fill_the_split_is_named():
    labels = pd.DataFrame({"title_id": [1, 1], "no": [1, 2], "genre": "pure", "label": 0})
    with pytest.raises(
        InputError, match=r"^genre 'pure' has no image in \w+: its 1 titles do not fill the split; crawl more"
    ):
        split.split(labels, RULE)


def test_the_split_s_metrics_count_images_and_titles():
    dataset = split.split(labelled(titles=10, images=2), RULE)
    summary = split.summary(dataset)
    assert summary["images"] == {"train": 12, "val": 4, "test": 4}
    assert summary["titles"] == {"train": 6, "val": 2, "test": 2}
    assert summary["titles_on_two_sides"] == 0


def test_by_image_titles_on_two_sides_are_counted():
    dataset = split.split(labelled(titles=10, images=5), RULE.model_copy(update={"by": "image"}))
    assert split.summary(dataset)["titles_on_two_sides"] == 10
