"""What the frozen backbone says of every image, computed once and pooled; every head is trained on these.

Reads:  data/dataset.parquet, data/resized/, data/mean.npz, models/pretrained/BACKBONE.weights.h5
Writes: data/features/BACKBONE.npy (float32 (n, width), row i for row i of data/dataset.parquet),
        data/features/BACKBONE-augmented.npy (the same of the train rows' variants, copy by copy; empty without),
        models/trunk/BACKBONE.weights.h5 (the trunk that computed them)
Params: features, augment, head.pool, train.preprocess, pretrained.weights, runtime but its seed

Random weights are calibrated on train images first; pretrained ones are used as they are.
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from stages.lib import frozen, params, runtime, trunk
from stages.lib import mean as means
from stages.lib.augment import Augment, Variants, extended
from stages.lib.command import run
from stages.lib.files import mapped, replacing
from stages.lib.runtime import Threads
from stages.lib.thumbnails import DATASET, Resized, read_table
from stages.lib.trunk import Pool, Preprocess


class Features(params.Section):
    """params.yaml: features."""

    batch: int = Field(ge=1)
    calibration_images: int = Field(ge=2)


class Head(params.Leaves):
    """What is shared of params.yaml: head."""

    pool: Pool


class Train(params.Leaves):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Pretrained(params.Leaves):
    """What is shared of params.yaml: pretrained."""

    weights: str


class Params(params.File):
    """What this stage reads of params.yaml."""

    features: Features
    augment: Augment
    head: Head
    train: Train
    pretrained: Pretrained
    runtime: Threads


def main(
    backbone: str,
    dataset: Path = Path("data/dataset.parquet"),
    resized: Path = Path("data/resized"),
    mean: Path = Path("data/mean.npz"),
    weights: Path = Path("models/pretrained"),
    out: Path = Path("data/features"),
    trunks: Path = Path("models/trunk"),
) -> None:
    """Compute the features of BACKBONE."""
    settings = params.read(Params)
    trunk.check(backbone)
    runtime.start_keras(settings.runtime)
    rows, images, centre = read_table(dataset, DATASET), Resized(resized), means.read(mean).image
    preprocess = settings.train.preprocess
    body = trunk.build(backbone, len(centre), settings.head.pool, preprocess, weights / f"{backbone}.weights.h5")
    body.jit_compile = settings.runtime.xla
    if settings.pretrained.weights == "random":
        shown = images.take(frozen.calibration_rows(rows, settings.features.calibration_images))
        trunk.calibrate(body, trunk.show(shown.astype(np.float32) - centre, backbone, preprocess))
    every, variants = extended(rows, settings.augment.copies), Variants(images, settings.augment)
    parts = {f"{backbone}.npy": every[: len(rows)], f"{backbone}-augmented.npy": every[len(rows) :]}
    for name, own in parts.items():
        with replacing(out / name) as part:
            table = mapped(part, np.float32, (len(own), body.output_shape[-1]))
            frozen.compute(body, variants, own, centre, [table], settings.features.batch, backbone)
            table.flush()
    with replacing(trunks / f"{backbone}.weights.h5") as part:
        trunk.save_weights(body, part)


if __name__ == "__main__":
    run(main, "features")
