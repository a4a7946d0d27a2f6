"""What the frozen backbone says of every image, computed once and pooled; every head is trained on these.

Reads:  data/dataset.parquet, data/resized/, data/mean.npz, models/pretrained/BACKBONE.weights.h5
Writes: data/features/BACKBONE.npy (float32 (n, width), row i for row i of data/dataset.parquet),
        data/features/BACKBONE-augmented.npy (the same of the train rows' variants, copy by copy; empty without),
        models/trunk/BACKBONE.weights.h5 (the trunk that computed them)
Params: features, augment, head.pool, train.preprocess, pretrained.weights, runtime but its seed

Random weights are calibrated on train images first; pretrained ones are used as they are.
"""

import numpy as np
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import create_memmap, replacing
from webtoon_genre.data.augmentation import AugmentedThumbnails, AugmentParams, with_augmented_rows
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.features.backbone import (
    Pool,
    Preprocess,
    build_extractor,
    calibrate,
    check_backbone,
    preprocess_images,
    save_weights,
)
from webtoon_genre.features.extraction import calibration_rows, extract_features
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Threads


class Features(params.Section):
    """params.yaml: features."""

    batch: int = Field(ge=1)
    calibration_images: int = Field(ge=2)


class Head(params.SharedKeys):
    """What is shared of params.yaml: head."""

    pool: Pool


class Train(params.SharedKeys):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Pretrained(params.SharedKeys):
    """What is shared of params.yaml: pretrained."""

    weights: str


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    features: Features
    augment: AugmentParams
    head: Head
    train: Train
    pretrained: Pretrained
    runtime: Threads


def main(backbone: str) -> None:
    """Compute the features of BACKBONE."""
    settings = params.read(Params)
    check_backbone(backbone)
    runtime.start_keras(settings.runtime)
    rows, images, centre = (
        read_table(paths.DATASET, DATASET),
        ThumbnailStore(paths.RESIZED),
        read_mean_image(paths.MEAN).image,
    )
    preprocess = settings.train.preprocess
    body = build_extractor(backbone, len(centre), settings.head.pool, preprocess, paths.pretrained(backbone))
    body.jit_compile = settings.runtime.xla
    if settings.pretrained.weights == "random":
        shown = images.take(calibration_rows(rows, settings.features.calibration_images))
        calibrate(body, preprocess_images(shown.astype(np.float32) - centre, backbone, preprocess))
    every, variants = with_augmented_rows(rows, settings.augment.copies), AugmentedThumbnails(images, settings.augment)
    parts = {f"{backbone}.npy": every[: len(rows)], f"{backbone}-augmented.npy": every[len(rows) :]}
    for name, own in parts.items():
        with replacing(paths.FEATURES / name) as part:
            table = create_memmap(part, np.float32, (len(own), body.output_shape[-1]))
            extract_features(body, variants, own, centre, [table], settings.features.batch, backbone)
            table.flush()
    with replacing(paths.extractor(backbone)) as part:
        save_weights(body, part)


if __name__ == "__main__":
    run(main, "features")
