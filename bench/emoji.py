"""Fetch and draw emoji of four vendors, run the study on them with the vendor or the Unicode category as label, and print what it measures.

Reads:  npm's packages, and params.yaml and the code as they are in the working tree
Writes: temporary folders, or with --pictures the drawings alone; on stdout a table in Markdown for each study and backbone
bench/README.md explains the studies and the table.
"""

import logging
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import emoji_pictures
from bench.emoji_pictures import CATEGORIES, VERSIONS, Drawings, Emoji, Picture
from bench.study import Backbones, Hashes, Study, Targets, Weights, default_backbones, run_study, weights_columns
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.wording import count

TARGETS = ["baseline", "evaluate", "style", "leakage"]
UNSEEN = "unseen"
Pictures = dict[str, list[Picture]]  # by study, and those of the vendor that the study `category` leaves out
log = logging.getLogger(__name__)


class Label(StrEnum):
    """What the label of a picture is."""

    vendor = "vendor"
    category = "category"


def choose_pictures(emoji: list[Emoji], vendors: Mapping[str, Drawings], left_out: str) -> Pictures:
    """The pictures of both studies."""
    large = emoji_pictures.in_large_categories(emoji)
    seen = {vendor: drawings for vendor, drawings in vendors.items() if vendor != left_out}
    return {
        Label.vendor: emoji_pictures.by_vendor(emoji, vendors),
        Label.category: emoji_pictures.by_category(large, seen),
        UNSEEN: emoji_pictures.by_category(large, {left_out: vendors[left_out]}),
    }


def fetch_pictures(left_out: str) -> Pictures:
    """Fetch the packages and choose the pictures of both studies."""
    with tempfile.TemporaryDirectory(prefix="bench-emoji-") as folder:
        log.info("fetching %s packages", len(VERSIONS))
        emoji_pictures.fetch(Path(folder))
        packages = {vendor: emoji_pictures.package(Path(folder), vendor) for vendor in VERSIONS}
        vendors = {vendor: emoji_pictures.read_drawings(package) for vendor, package in packages.items()}
        emoji = emoji_pictures.shared_emoji(vendors.values(), emoji_pictures.read_categories(packages[CATEGORIES]))
    log.info("%s, %s", count(len(emoji), "emoji", "emoji"), count(len({item.title for item in emoji}), "title"))
    return choose_pictures(emoji, vendors, left_out)


def study_of(label: Label, pictures: Pictures, folder: Path, targets: list[str]) -> Study:
    """The study with a label, on the drawings in `folder`."""
    params: dict[str, Any] = {
        "crawl.source": "folder",
        "crawl.folder.path": str((folder / label).absolute()),
        "label.genres": sorted({picture.label for picture in pictures[label]}),
        "runtime.instructions": "native",  # three times as fast with VGG16, and no result of this machine is compared byte by byte
    }
    unseen = (folder / UNSEEN).absolute() if label is Label.category else None
    return Study(f"emoji by {label}", params, targets, unseen)


def main(
    labels: Annotated[list[Label], typer.Option("--label", help="What to predict.")] = list(Label),  # noqa: B006
    backbones: Backbones = None,
    weights: Weights = None,
    hashes: Hashes = None,
    targets: Targets = None,
    left_out: Annotated[str, typer.Option(help="The vendor that the study of categories leaves out.")] = "openmoji",
    pictures: Annotated[Path | None, typer.Option(help="Draw into this folder, and run nothing.")] = None,
) -> None:
    """Run the study on emoji; what is predicted is the vendor, or the Unicode category without the pictures of one vendor."""
    if left_out not in VERSIONS:
        raise InputError(f"--left-out is {left_out!r}; one of {', '.join(VERSIONS)}")
    columns = weights_columns(backbones or default_backbones(), weights, hashes or [])
    labels = list(dict.fromkeys(labels))
    needed = [*labels, *([UNSEEN] if Label.category in labels else [])]
    with tempfile.TemporaryDirectory(prefix="bench-emoji-") as scratch:
        folder = pictures or Path(scratch)
        if taken := [name for name in needed if (folder / name).exists()]:
            raise InputError(f"--pictures: {folder / taken[0]} exists; remove it, or name another folder")
        chosen = fetch_pictures(left_out)
        for name in needed:
            emoji_pictures.write_pictures(folder / name, chosen[name])
        for label in labels if pictures is None else []:
            for table in run_study(study_of(label, chosen, folder, targets or TARGETS), columns):
                typer.echo(f"{table}\n")


if __name__ == "__main__":
    run(main, "emoji", package="bench")
