"""Pretrained weights of a backbone: from a URL with a checksum, from a local file, or a seeded random initialisation.

pooch downloads, checks and retries. Both of Keras's layouts load, whatever a file's name.
"""

import logging
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import build_backbone, load_architecture, read_weights
from webtoon_genre.features.finite import check_weights
from webtoon_genre.reproducibility.runtime import set_seed

if TYPE_CHECKING:
    import keras

HASH = re.compile(r"md5:[0-9a-fA-F]{32}|sha256:[0-9a-fA-F]{64}")
KEYWORDS = ("random", "imagenet")  # values of pretrained.weights that take no hash; anything else is a path or URL
RETRIES = 3
TIMEOUT = 30  # seconds without a byte


def weights_source(backbone: str, weights: str, hashes: str | dict[str, str] | None) -> tuple[str, str] | None:
    """The path or URL of the backbone's weights and their hash; None for random ones. `weights`, `hashes`: of params.yaml: pretrained."""
    if weights not in KEYWORDS:
        location = weights.replace("{backbone}", backbone)
        return location, hash_of(backbone, location, hashes)
    if hashes is not None:
        raise InputError(f"pretrained.hash is {hashes!r}, but weights {weights} take none; set pretrained.hash: null")
    return published_weights(backbone) if weights == "imagenet" else None


def hash_of(backbone: str, location: str, hashes: str | dict[str, str] | None) -> str:
    """The hash of the backbone's file, from one hash or from a mapping backbone: hash."""
    value = hashes.get(backbone) if isinstance(hashes, dict) else hashes
    if value is None:
        raise InputError(f"pretrained.hash has none for {backbone}; give md5:... or sha256:... of {location}")
    if not HASH.fullmatch(value):
        raise InputError(
            f"pretrained.hash is {value!r} for {backbone}; give md5: and 32, or sha256: and 64 hexadecimal digits"
        )
    return value


def published_weights(backbone: str) -> tuple[str, str]:
    """The URL and hash of the backbone's ImageNet weights, as Keras publishes them."""
    architecture = load_architecture(backbone)
    if architecture.HASH is None:
        raise InputError(
            f"{backbone} has no published checksum for its ImageNet weights; set pretrained.weights: random for it, "
            f"or to {architecture.URL} with a pretrained.hash that you trust"
        )
    return architecture.URL, architecture.HASH


def load_pretrained(model: "keras.Model", backbone: str, location: str, known_hash: str) -> None:
    """Load the file at `location`, a path or URL, into `model`; InputError where it cannot be had or does not fit."""
    if "://" not in location:
        load_any_layout(model, check_file(Path(location).expanduser(), known_hash), location)
        return
    with tempfile.TemporaryDirectory(prefix="weights-") as folder:
        load_any_layout(model, download(backbone, location, known_hash, Path(folder)), location)


def download(backbone: str, url: str, known_hash: str, folder: Path) -> Path:
    """Download `url` to `folder`, check the hash, and return the file."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)
    source = pooch.create(
        folder, base_url="", registry={"weights": known_hash.lower()}, urls={"weights": url}, retry_if_failed=RETRIES
    )
    try:
        return Path(source.fetch("weights", downloader=downloader))
    except (ValueError, requests.RequestException) as error:  # ValueError: a wrong checksum
        reason = " ".join(str(error).split()).partition(" Deleted download")[0][:400]
        raise InputError(
            f"weights of {backbone} could not be had from {url} ({reason}); `dvc pull` gets them from the remote, "
            f"pretrained.weights: random works offline"
        ) from None


def check_file(path: Path, known_hash: str) -> Path:
    """`path` itself, if it is a file with that hash."""
    import pooch

    if not path.is_file():
        raise InputError(f"{path} is not there; set pretrained.weights to a file, a URL, imagenet or random")
    algorithm, _, expected = known_hash.partition(":")
    if (actual := pooch.file_hash(path, algorithm)) != expected.lower():
        raise InputError(
            f"{path} is not the file that pretrained.hash names: expected {known_hash}, actual {algorithm}:{actual}"
        )
    return path


def load_any_layout(model: "keras.Model", file: Path, location: str) -> None:
    """Load `file` into `model`, in either of Keras's layouts whatever its name; `location` names it in errors."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"file{layout_suffix(file, location)}"  # Keras decides the layout by the name
        link.symlink_to(file.resolve())
        try:
            read_weights(model, link)
        except InputError as error:
            reason = str(error).removeprefix(str(link)).removesuffix("; make it anew")
            raise InputError(f"{location}{reason}; it takes a file of this very backbone, without top") from None
    check_weights(model, location, "set pretrained.weights to another file or URL, imagenet or random")


def layout_suffix(file: Path, location: str) -> str:
    """.h5 for the older layout, in which the file lists its layers, or .weights.h5."""
    import h5py

    if not h5py.is_hdf5(file):
        with file.open("rb") as stream:
            raise InputError(
                f"{location} is no HDF5 file: it starts with {stream.read(16)!r}; weights are .h5 or .weights.h5"
            )
    with h5py.File(file) as content:
        older = "model_weights" in content or {"layer_names", "layer_names0"} & set(content.attrs)
    return ".h5" if older else ".weights.h5"


def random_backbone(backbone: str, seed: int) -> "keras.Model":
    """The backbone in Keras's own random initialisation; its weights fit images of any side."""
    set_seed(seed)
    return build_backbone(backbone, load_architecture(backbone).SMALLEST_SIDE)
