"""webtoon_genre/data/augmentation.py: augmented copies of train images."""

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

IDENTITY = AugmentParams(copies=1, seed=1, rotation=0, shift=0, shear=0, zoom=0, flip=False)
STUDY = AugmentParams(copies=3, seed=1, rotation=40, shift=0.2, shear=0.2, zoom=0.2, flip=True)
KEY = np.array([5, 7, 1])


def picture(side: int = 32) -> np.ndarray:
    """Return noise in blocks, uint8 (side, side, 3), which every transform changes."""
    small = np.random.default_rng(0).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)


def test_bounds_of_zero_leave_the_image_unchanged():
    assert np.array_equal(augment_image(picture(), KEY, IDENTITY), picture())


def test_a_copy_depends_only_on_its_key_and_the_seed():
    copy = augment_image(picture(), KEY, STUDY)
    assert np.array_equal(augment_image(picture(), KEY, STUDY), copy)
    for key in ([6, 7, 1], [5, 8, 1], [5, 7, 2]):
        assert not np.array_equal(augment_image(picture(), np.array(key), STUDY), copy)
    assert not np.array_equal(augment_image(picture(), KEY, STUDY.model_copy(update={"seed": 2})), copy)


def test_flips_without_other_transforms_give_the_four_mirror_images():
    params = IDENTITY.model_copy(update={"flip": True})
    copies = {augment_image(picture(), np.array([0, 0, copy]), params).tobytes() for copy in range(1, 40)}
    mirrored = (picture(), picture()[::-1], picture()[:, ::-1], picture()[::-1, ::-1])
    assert copies == {image.tobytes() for image in mirrored}


def test_transforms_reach_their_bounds_and_never_exceed_them():
    params = STUDY.model_copy(update={"flip": False})
    matrices = [random_transform(np.random.default_rng(seed), params, 101) for seed in range(500)]
    centre = np.array([50, 50, 1])
    shifts = np.array([matrix @ centre - 50 for matrix in matrices]) / 101
    assert 0.19 < np.abs(shifts).max() <= 0.2
    angles = np.rad2deg([np.arctan2(matrix[1, 0], matrix[0, 0]) for matrix in matrices])
    assert 39 < np.abs(angles).max() <= 40
    lengths = np.array([np.hypot(*matrix[:, 0]) for matrix in matrices])
    assert 0.8 <= lengths.min() < 0.81
    assert 1.19 < lengths.max() <= 1.2
    areas = np.array([np.linalg.det(matrix[:, :2]) for matrix in matrices])
    assert 0.64 <= areas.min() < areas.max() <= 1.44  # shear and rotation preserve areas


def test_only_train_rows_have_copies_and_the_dataset_s_rows_come_first():
    dataset = pd.DataFrame({"title_id": [1, 1, 2], "no": [1, 2, 1], "split": ["train", "val", "train"]})
    rows = with_augmented_rows(dataset, 2)
    assert rows["copy"].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert rows["title_id"].tolist() == [1, 1, 2, 1, 2, 1, 2]
    assert set(rows[rows["copy"] > 0]["split"]) == {"train"}
    assert with_augmented_rows(dataset, 0)["copy"].tolist() == [0, 0, 0]


@pytest.mark.slow
def test_features_of_copies_are_in_a_separate_file(training_workspace, set_params):
    rows = read_table(training_workspace / "data/dataset.parquet", DATASET)
    features_file = training_workspace / f"data/features/{BACKBONE}.npy"
    features_bytes = features_file.read_bytes()
    assert len(np.load(training_workspace / f"data/features/{BACKBONE}-augmented.npy")) == 0
    set_params({"augment.copies": 2})
    features.main(BACKBONE)
    assert features_file.read_bytes() == features_bytes
    augmented = np.load(training_workspace / f"data/features/{BACKBONE}-augmented.npy")
    train_features = np.load(features_file)[rows["split"] == "train"]
    assert augmented.shape == (2 * len(train_features), train_features.shape[1])
    assert np.abs(augmented[: len(train_features)] - augmented[len(train_features) :]).max() > 0.1
    augment = params.read(features.Params).augment
    all_rows = with_augmented_rows(rows, 2)
    images = AugmentedThumbnails(ThumbnailStore(training_workspace / "data/resized"), augment).take(
        all_rows.iloc[[0, len(rows)]]
    )
    assert not np.array_equal(images[0], images[1])


@pytest.mark.parametrize("layers", [0, pytest.param(4, marks=pytest.mark.slow)])
def test_a_model_is_trained_on_train_images_and_their_copies(training_workspace, set_params, layers):
    set_params({"augment.copies": 1, "train.unfreeze": layers, "train.epochs": 1, "lr": 0.001})
    features.main(BACKBONE)
    results = []
    for copies in (1, 0):
        set_params({"augment.copies": copies})
        train.main(BACKBONE)
        results.append(json.loads((training_workspace / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0])
    assert results[0] != results[1]
    assert results[0]["trainable_parameters"] == results[1]["trainable_parameters"]


def test_the_defaults_are_the_study_s_bounds_and_no_copies():
    augment = params.read(features.Params, REPOSITORY / "params.yaml").augment
    assert augment == AugmentParams(copies=0, seed=77, rotation=40, shift=0.2, shear=0.2, zoom=0.2, flip=True)
