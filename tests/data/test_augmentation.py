"""webtoon_genre/data/augmentation.py: variants of train images."""

import json

import numpy as np
import pandas as pd
import pytest

from stages import features, train
from tests.conftest import REPOSITORY
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import params
from webtoon_genre.data.augmentation import (
    AugmentedThumbnails,
    AugmentParams,
    augment_image,
    random_transform,
    with_augmented_rows,
)
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table

STILL = AugmentParams(copies=1, seed=1, rotation=0, shift=0, shear=0, zoom=0, flip=False)
STUDY = AugmentParams(copies=3, seed=1, rotation=40, shift=0.2, shear=0.2, zoom=0.2, flip=True)
KEY = np.array([5, 7, 1])


def picture(side: int = 32) -> np.ndarray:
    """uint8 (side, side, 3): noise in blocks, so that moving it changes it."""
    small = np.random.default_rng(0).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)


def test_within_no_bounds_a_variant_is_the_picture():
    assert np.array_equal(augment_image(picture(), KEY, STILL), picture())


def test_a_variant_depends_on_its_key_and_seed_alone():
    first = augment_image(picture(), KEY, STUDY)
    assert np.array_equal(augment_image(picture(), KEY, STUDY), first)
    for other in ([6, 7, 1], [5, 8, 1], [5, 7, 2]):
        assert not np.array_equal(augment_image(picture(), np.array(other), STUDY), first)
    assert not np.array_equal(augment_image(picture(), KEY, STUDY.model_copy(update={"seed": 2})), first)


def test_flips_alone_give_the_four_mirrored_pictures_and_nothing_else():
    flipping = STILL.model_copy(update={"flip": True})
    seen = {augment_image(picture(), np.array([0, 0, copy]), flipping).tobytes() for copy in range(1, 40)}
    assert seen == {each.tobytes() for each in (picture(), picture()[::-1], picture()[:, ::-1], picture()[::-1, ::-1])}


def test_each_bound_is_kept_and_reached():
    maps = [
        random_transform(np.random.default_rng(seed), STUDY.model_copy(update={"flip": False}), 101)
        for seed in range(500)
    ]
    centre = np.array([50, 50, 1])
    shifts = np.array([matrix @ centre - 50 for matrix in maps]) / 101
    assert 0.19 < np.abs(shifts).max() <= 0.2
    angles = np.rad2deg([np.arctan2(matrix[1, 0], matrix[0, 0]) for matrix in maps])
    assert 39 < np.abs(angles).max() <= 40
    lengths = np.array([np.hypot(*matrix[:, 0]) for matrix in maps])
    assert 0.8 <= lengths.min() < 0.81
    assert 1.19 < lengths.max() <= 1.2
    areas = np.array([np.linalg.det(matrix[:, :2]) for matrix in maps])
    assert 0.64 <= areas.min() < areas.max() <= 1.44  # shearing and turning keep areas


def test_only_train_rows_have_variants_and_every_row_keeps_its_place():
    dataset = pd.DataFrame({"title_id": [1, 1, 2], "no": [1, 2, 1], "split": ["train", "val", "train"]})
    rows = with_augmented_rows(dataset, 2)
    assert rows["copy"].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert rows["title_id"].tolist() == [1, 1, 2, 1, 2, 1, 2]
    assert set(rows[rows["copy"] > 0]["split"]) == {"train"}
    assert with_augmented_rows(dataset, 0)["copy"].tolist() == [0, 0, 0]


def test_features_of_variants_stand_in_a_file_of_their_own(prepared, set_params):
    rows = read_table(prepared / "data/dataset.parquet", DATASET)
    plain = (prepared / f"data/features/{BACKBONE}.npy").read_bytes()
    assert len(np.load(prepared / f"data/features/{BACKBONE}-augmented.npy")) == 0
    set_params({"augment.copies": 2})
    features.main(BACKBONE)
    assert (prepared / f"data/features/{BACKBONE}.npy").read_bytes() == plain
    augmented = np.load(prepared / f"data/features/{BACKBONE}-augmented.npy")
    shown = np.load(prepared / f"data/features/{BACKBONE}.npy")[rows["split"] == "train"]
    assert augmented.shape == (2 * len(shown), shown.shape[1])
    assert np.abs(augmented[: len(shown)] - augmented[len(shown) :]).max() > 0.1
    settings = params.read(features.Params, prepared / "params.yaml").augment
    every = with_augmented_rows(rows, 2)
    images = AugmentedThumbnails(ThumbnailStore(prepared / "data/resized"), settings).take(every.iloc[[0, len(rows)]])
    assert not np.array_equal(images[0], images[1])


@pytest.mark.parametrize("layers", [0, 4])
def test_a_model_is_trained_on_train_images_and_their_variants(prepared, set_params, layers):
    set_params({"augment.copies": 1, "train.unfreeze": layers, "train.epochs": 1, "lr": 0.001})
    features.main(BACKBONE)
    seen = []
    for copies in (1, 0):
        set_params({"augment.copies": copies})
        train.main(BACKBONE)
        seen.append(json.loads((prepared / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0])
    assert seen[0] != seen[1]
    assert seen[0]["trainable_parameters"] == seen[1]["trainable_parameters"]


def test_the_study_s_bounds_are_the_default_and_no_copies():
    found = params.read(features.Params, REPOSITORY / "params.yaml").augment
    assert found == AugmentParams(copies=0, seed=77, rotation=40, shift=0.2, shear=0.2, zoom=0.2, flip=True)
