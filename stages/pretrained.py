"""A backbone's weights as data: fetched by URL and checksum, or a seeded random initialisation for work offline.

Reads:  the URL in stages/backbones/BACKBONE.py, when `pretrained.weights` is imagenet
Writes: models/pretrained/BACKBONE.weights.h5, the whole backbone without top
Params: pretrained, runtime but its seed
"""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stages.lib import params, runtime, trunk
from stages.lib.command import run
from stages.lib.errors import InputError
from stages.lib.files import replacing
from stages.lib.runtime import Threads

if TYPE_CHECKING:
    import keras


class Pretrained(params.Section):
    """params.yaml: pretrained."""

    weights: Literal["random", "imagenet"]
    seed: int = Field(ge=0)


class Params(params.File):
    """What this stage reads of params.yaml."""

    pretrained: Pretrained
    runtime: Threads


def fetch(backbone: str, folder: Path) -> Path:
    """Fetch the backbone's ImageNet weights into `folder` and check them against their md5."""
    import pooch

    architecture = trunk.module(backbone)
    if architecture.MD5 is None:
        raise InputError(
            f"{backbone} has no published checksum for its ImageNet weights; set pretrained.weights: random for it"
        )
    try:
        return Path(
            pooch.retrieve(architecture.URL, f"md5:{architecture.MD5}", path=folder, progressbar=sys.stderr.isatty())
        )
    except (ValueError, OSError) as error:  # a wrong checksum; any error of the network
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"weights of {backbone} could not be had from {architecture.URL} ({reason}); `dvc pull` gets them from the remote, "
            f"pretrained.weights: random works offline"
        ) from None


def initialised(backbone: str, seed: int) -> "keras.Model":
    """The whole backbone in Keras's own random initialisation; its weights fit images of any side."""
    runtime.seed(seed)
    return trunk.build_core(backbone, trunk.module(backbone).SMALLEST_SIDE)


def main(backbone: str, out: Path = Path("models/pretrained")) -> None:
    """Get or make the weights of BACKBONE."""
    settings = params.read(Params)
    trunk.check(backbone)
    runtime.start_keras(settings.runtime)
    model = initialised(backbone, settings.pretrained.seed)
    if settings.pretrained.weights == "imagenet":
        with tempfile.TemporaryDirectory() as folder:
            trunk.load_weights(model, fetch(backbone, Path(folder)))
    with replacing(out / f"{backbone}.weights.h5") as part:
        model.save_weights(part)


if __name__ == "__main__":
    run(main, "pretrained")
