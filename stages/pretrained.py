"""A backbone's weights as data: fetched by URL and checksum, taken from a file, or a seeded random initialisation.

Reads:  the URL in stages/backbones/BACKBONE.py where `pretrained.weights` is imagenet, or the path or URL that it is
Writes: models/pretrained/BACKBONE.weights.h5, the whole backbone without top; models/.pretrained.parts/ while it downloads
Params: pretrained, runtime but its seed

A path or URL may hold {backbone}, and `pretrained.hash` pins what stands there: DVC sees params, not files outside.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing
from webtoon_genre.features import download
from webtoon_genre.features.backbone import (
    build_backbone,
    check_backbone,
    load_architecture,
    load_weights,
    save_weights,
)
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Threads

if TYPE_CHECKING:
    import keras

HASH = re.compile(r"md5:[0-9a-fA-F]{32}|sha256:[0-9a-fA-F]{64}")
OWN = ("random", "imagenet")  # words that take no hash: anything else is a path or URL


class Pretrained(params.Section):
    """params.yaml: pretrained."""

    weights: str = Field(min_length=1)
    hash: str | dict[str, str] | None
    seed: int = Field(ge=0)


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    pretrained: Pretrained
    runtime: Threads


def origin(backbone: str, settings: Pretrained) -> tuple[str, str] | None:
    """The path or URL of the backbone's weights and their hash; None for random ones."""
    if settings.weights not in OWN:
        place = settings.weights.replace("{backbone}", backbone)
        return place, hash_of(backbone, place, settings.hash)
    if settings.hash is not None:
        raise InputError(
            f"pretrained.hash is {settings.hash!r}, but weights {settings.weights} take none; set pretrained.hash: null"
        )
    return published(backbone) if settings.weights == "imagenet" else None


def hash_of(backbone: str, place: str, given: str | dict[str, str] | None) -> str:
    """The one hash, or the backbone's own where there are several, of the file at `place`."""
    known = given.get(backbone) if isinstance(given, dict) else given
    if known is None:
        raise InputError(f"pretrained.hash has none for {backbone}; give md5:... or sha256:... of {place}")
    if not HASH.fullmatch(known):
        raise InputError(
            f"pretrained.hash is {known!r} for {backbone}; give md5: and 32, or sha256: and 64 hexadecimal digits"
        )
    return known


def published(backbone: str) -> tuple[str, str]:
    """The URL and hash of the backbone's ImageNet weights, as Keras publishes them."""
    architecture = load_architecture(backbone)
    if architecture.HASH is None:
        raise InputError(
            f"{backbone} has no published checksum for its ImageNet weights; set pretrained.weights: random for it, "
            f"or to {architecture.URL} with a pretrained.hash that you trust"
        )
    return architecture.URL, architecture.HASH


@contextmanager
def fetched(backbone: str, url: str, known_hash: str, folder: Path) -> Iterator[Path]:
    """The file at `url` for as long as it is needed; `folder` stays only while something half done is in it."""
    try:
        file = download.fetch(url, known_hash, folder, f"weights of {backbone}")
        try:
            yield file
        finally:
            file.unlink()
    except download.DownloadError as error:
        raise InputError(
            f"weights of {backbone} could not be had from {url} ({error}); `dvc pull` gets them from the remote, "
            f"pretrained.weights: random works offline"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def checked(path: Path, known_hash: str) -> Path:
    """`path` itself, if it is a file with that hash."""
    import pooch

    if not path.is_file():
        raise InputError(f"{path} is not there; set pretrained.weights to a file, a URL, imagenet or random")
    algorithm, _, expected = known_hash.partition(":")
    if (seen := pooch.file_hash(path, algorithm)) != expected.lower():
        raise InputError(
            f"{path} is not the file that pretrained.hash names: expected {known_hash}, seen {algorithm}:{seen}"
        )
    return path


def adopt(model: "keras.Model", file: Path, place: str) -> None:
    """Load `file` into `model`, in either of Keras's layouts whatever its name; `place` names it in errors."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"file{suffix(file, place)}"  # Keras tells its layouts by the name
        link.symlink_to(file.resolve())
        try:
            load_weights(model, link)
        except InputError as error:
            reason = str(error).removeprefix(str(link)).removesuffix("; make it anew")
            raise InputError(f"{place}{reason}; it takes a file of this very backbone, without top") from None


def suffix(file: Path, place: str) -> str:
    """.h5 for the older layout, where the file lists its layers, or .weights.h5."""
    import h5py

    if not h5py.is_hdf5(file):
        with file.open("rb") as stream:
            raise InputError(
                f"{place} is no HDF5 file: it starts with {stream.read(16)!r}; weights are .h5 or .weights.h5"
            )
    with h5py.File(file) as content:
        older = "model_weights" in content or {"layer_names", "layer_names0"} & set(content.attrs)
    return ".h5" if older else ".weights.h5"


def initialised(backbone: str, seed: int) -> "keras.Model":
    """The whole backbone in Keras's own random initialisation; its weights fit images of any side."""
    runtime.set_seed(seed)
    return build_backbone(backbone, load_architecture(backbone).SMALLEST_SIDE)


def load(model: "keras.Model", backbone: str, place: str, known_hash: str, parts: Path) -> None:
    """Load into `model` the file at `place`, a path or, by way of the folder `parts`, a URL."""
    if "://" in place:
        with fetched(backbone, place, known_hash, parts) as file:
            adopt(model, file, place)
    else:
        adopt(model, checked(Path(place).expanduser(), known_hash), place)


def main(backbone: str) -> None:
    """Get or make the weights of BACKBONE."""
    settings = params.read(Params)
    check_backbone(backbone)
    runtime.start_keras(settings.runtime)
    source = origin(backbone, settings.pretrained)
    model = initialised(backbone, settings.pretrained.seed)
    if source is not None:
        load(model, backbone, *source, paths.PRETRAINED.with_name(f".{paths.PRETRAINED.name}.parts"))
    with replacing(paths.pretrained(backbone)) as part:
        save_weights(model, part)


if __name__ == "__main__":
    run(main, "pretrained")
