"""Pooled features of every image from the frozen feature extractor, computed once; all heads are trained on them.

Reads:  data/dataset.parquet, data/resized/, data/mean.npz, models/pretrained/BACKBONE.weights.h5
Writes: data/features/BACKBONE.npy (float32 (n, width), row i for row i of data/dataset.parquet),
        data/features/BACKBONE-augmented.npy (the same of the augmented copies of train rows, copy by copy; empty without),
        models/extractor/BACKBONE.weights.h5 (the feature extractor)
Params: features, augment, head.pool, train.preprocess, pretrained.weights, runtime, cluster

Random weights are calibrated on train images first; pretrained ones are used as they are. On a Ray cluster (docs/cluster.md) workers
compute the same batches with the same weights.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import create_memmap, replacing
from webtoon_genre.core.params import SharedKeys, read
from webtoon_genre.data.augmentation import AugmentedThumbnails, AugmentParams, with_augmented_rows
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.features.backbone import (
    Preprocess,
    build_extractor,
    check_backbone,
    preprocess_images,
    save_weights,
)
from webtoon_genre.features.calibration import calibrate, calibration_rows
from webtoon_genre.features.engine import EngineParams, compile_extractor
from webtoon_genre.features.extraction import batches, extract_batches, fill_features
from webtoon_genre.features.finite import REMEDY, check_weights
from webtoon_genre.features.pooling import Pool
from webtoon_genre.features.remote_extraction import ExtractorSpec
from webtoon_genre.reproducibility.runtime import start_keras

if TYPE_CHECKING:
    import keras


class Head(SharedKeys):
    """params.yaml: head, the keys that this stage shares."""

    pool: Pool


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    preprocess: Preprocess


class Pretrained(SharedKeys):
    """params.yaml: pretrained, the keys that this stage shares."""

    weights: str


class Params(EngineParams):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"cluster"})

    augment: AugmentParams
    head: Head
    train: Train
    pretrained: Pretrained
    cluster: ClusterParams


def extract(
    extractor: "keras.Model",
    images: AugmentedThumbnails,
    subsets: Sequence[pd.DataFrame],
    mean: np.ndarray,
    backbone: str,
    params: Params,
) -> Iterator[list[np.ndarray]]:
    """The features of each batch of each of `subsets`, in order, computed here or on a cluster: float32 (n, width)."""
    rows = [part for subset in subsets for part in batches(subset, params.features.batch)]
    if params.cluster.engine == "local":
        forward = compile_extractor(extractor, params.features.engine, params.runtime)
        return extract_batches(forward, images, mean, rows)
    spec = ExtractorSpec(
        backbone=backbone,
        pool=params.head.pool,
        preprocess=params.train.preprocess,
        weights=extractor.get_weights(),
        mean=mean,
        folder=images.thumbnails.folder,
        augment=params.augment,
        engine=params.features.engine,
        runtime=params.runtime,
    )
    job = ray_data.Job(spec.build, cores=params.runtime.intra_op, gpu=True, files=images.thumbnails.files())
    return ray_data.run(job, rows, params.cluster)


def main(backbone: str) -> None:
    """Compute the features of BACKBONE."""
    params = read(Params)
    check_backbone(backbone)
    start_keras(params.runtime)
    dataset, thumbnails = read_table(paths.DATASET, DATASET), ThumbnailStore(paths.RESIZED)
    mean, preprocess = read_mean_image(paths.MEAN).image, params.train.preprocess
    extractor = build_extractor(backbone, len(mean), params.head.pool, preprocess, paths.pretrained(backbone))
    if params.pretrained.weights == "random":
        sample = thumbnails.take(calibration_rows(dataset, params.features.calibration_images))
        calibrate(extractor, preprocess_images(sample.astype(np.float32) - mean, backbone, preprocess))
        check_weights(extractor, f"{backbone}: calibrated on {len(sample)} train images", REMEDY)
    rows, images = with_augmented_rows(dataset, params.augment.copies), AugmentedThumbnails(thumbnails, params.augment)
    outputs = {
        paths.features(backbone): rows[: len(dataset)],
        paths.augmented_features(backbone): rows[len(dataset) :],
    }
    features = extract(extractor, images, [*outputs.values()], mean, backbone, params)
    for path, subset in outputs.items():
        with replacing(path) as part:
            table = create_memmap(part, np.float32, (len(subset), extractor.output_shape[-1]))
            fill_features(features, [table], params.features.batch, backbone)
            table.flush()
    with replacing(paths.extractor(backbone)) as part:
        save_weights(extractor, part)


if __name__ == "__main__":
    run(main, "features")
