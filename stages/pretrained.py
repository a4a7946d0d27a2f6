"""A backbone's weights as data: fetched by URL and checksum, taken from a file, or randomly initialised.

Reads:  the URL in webtoon_genre/backbones/BACKBONE.py where `pretrained.weights` is imagenet, or the path or URL that it names
Writes: models/pretrained/BACKBONE.weights.h5, the backbone without top
Params: pretrained, runtime

A path or URL may hold {backbone}, and `pretrained.hash` fixes its content: DVC tracks params, not files outside the repository.
"""

from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import replacing
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.features.backbone import check_backbone, save_weights
from webtoon_genre.features.weights import load_pretrained, random_backbone, weights_source
from webtoon_genre.reproducibility.runtime import Runtime, start_keras


class Pretrained(Section):
    """params.yaml: pretrained."""

    weights: str = Field(min_length=1)
    hash: str | dict[str, str] | None
    seed: int = Field(ge=0)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    pretrained: Pretrained
    runtime: Runtime


def main(backbone: str) -> None:
    """Get or make the weights of BACKBONE."""
    params = read(Params)
    check_backbone(backbone)
    start_keras(params.runtime)
    source = weights_source(backbone, params.pretrained.weights, params.pretrained.hash)
    model = random_backbone(backbone, params.pretrained.seed)
    if source is not None:
        load_pretrained(model, backbone, *source)
    with replacing(paths.pretrained(backbone)) as part:
        save_weights(model, part)


if __name__ == "__main__":
    run(main, "pretrained")
