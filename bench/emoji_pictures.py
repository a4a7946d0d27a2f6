"""The emoji that several vendors draw, from npm's packages `@iconify-json/VENDOR`, as PNG files in folders with a manifest.

VERSIONS pins the packages; where they come from is npm's configuration. A drawing is SIDE pixels square, on white: resvg draws it without
the machine's fonts, so equal runs write equal bytes.
"""

import csv
import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.progress import track

VERSIONS = {"fluent-emoji-flat": "1.2.6", "noto": "1.2.9", "openmoji": "1.2.29", "twemoji": "1.2.5"}
CATEGORIES = "noto"  # the vendor whose package names the Unicode category of an emoji
SIDE = 202  # pixels
FEWEST_TITLES = 50  # of a category: a fifth of them are test titles, and fewer than ten of these tell nothing
NPM = "npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error --prefix"
COLOURS = "black|blue|brown|green|grey|light-blue|orange|pink|purple|red|white|yellow"
NEAR_COPIES = (  # what tells the emoji of one title apart, and what replaces it
    (r"^(man|men|woman|women|person|people)-|-facing-right$", ""),
    (rf"^({COLOURS})-(?=(book|circle|heart|square)$)", ""),
    (r"^.*-(oclock|thirty)$", "clock"),
    (r"^.*-moon(-face)?$", "moon"),
    (r"^keycap-.*$", "keycap"),
)
Drawings = dict[str, str]  # SVG documents by emoji


class Emoji(NamedTuple):
    """An emoji's name, its title, which it shares with near copies, and its Unicode category."""

    name: str
    title: str
    category: str


class Picture(NamedTuple):
    """A picture to draw: its label, the name of its file, its title, and an SVG document."""

    label: str
    file: str
    title: str
    svg: str


def fetch(folder: Path) -> None:
    """Install the packages of VERSIONS in `folder` with npm; InputError without npm, or where npm fails."""
    if shutil.which("npm") is None:
        raise InputError("npm is not on PATH; install it, on Debian with `make servers`")
    packages = [f"@iconify-json/{vendor}@{version}" for vendor, version in VERSIONS.items()]
    result = subprocess.run([*NPM.split(), str(folder), *packages], capture_output=True, text=True)
    if result.returncode:
        reason = "; ".join(line.removeprefix("npm error ") for line in result.stderr.splitlines()[:2])
        raise InputError(
            f"npm cannot install {' '.join(packages)}: {reason}; check the network and npm's configuration"
        )


def package(folder: Path, vendor: str) -> Path:
    """The folder of a package that `fetch` installed in `folder`."""
    return folder / "node_modules/@iconify-json" / vendor


def read_drawings(package: Path) -> Drawings:
    """The drawings of a vendor."""
    icons = json.loads((package / "icons.json").read_text(encoding="utf-8"))
    return {name: svg_document(icons | icon) for name, icon in icons["icons"].items()}


def svg_document(icon: Mapping[str, Any]) -> str:
    """An icon as an SVG document of SIDE pixels; one that is not square is centred."""
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {icon['width']} {icon['height']}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="{box}">{icon["body"]}</svg>'
    )


def read_categories(package: Path) -> dict[str, str]:
    """The Unicode category of each emoji."""
    categories = json.loads((package / "metadata.json").read_text(encoding="utf-8"))["categories"]
    return {name: category for category, names in categories.items() for name in names}


def title_of(name: str) -> str:
    """The title of an emoji: those that differ only in person, direction, colour or number are near copies, and one title."""
    for pattern, replacement in NEAR_COPIES:
        name = re.sub(pattern, replacement, name)
    return name


def shared_emoji(vendors: Collection[Drawings], categories: Mapping[str, str]) -> list[Emoji]:
    """The emoji that all vendors draw, by name, without those of several titles that are one drawing."""
    names = sorted(set.intersection(*map(set, vendors)) & set(categories))
    titles = defaultdict(set)
    for drawings in vendors:
        for name in names:
            titles[drawings[name]].add(title_of(name))
    return [
        Emoji(name, title_of(name), categories[name])
        for name in names
        if all(len(titles[drawings[name]]) == 1 for drawings in vendors)
    ]


def in_large_categories(emoji: Iterable[Emoji]) -> list[Emoji]:
    """The emoji of categories with at least FEWEST_TITLES titles."""
    titles, emoji = defaultdict(set), list(emoji)
    for _, title, category in emoji:
        titles[category].add(title)
    return [item for item in emoji if len(titles[item.category]) >= FEWEST_TITLES]


def by_vendor(emoji: Iterable[Emoji], vendors: Mapping[str, Drawings]) -> list[Picture]:
    """The vendor is the label."""
    return [
        Picture(vendor, f"{name}.png", title, drawings[name])
        for name, title, _ in emoji
        for vendor, drawings in vendors.items()
    ]


def by_category(emoji: Iterable[Emoji], vendors: Mapping[str, Drawings]) -> list[Picture]:
    """The category is the label."""
    return [
        Picture(category, f"{name}-{vendor}.png", title, drawings[name])
        for name, title, category in emoji
        for vendor, drawings in vendors.items()
    ]


def write_pictures(folder: Path, pictures: Collection[Picture]) -> None:
    """Draw <label>/<file> and write manifest.csv into a new folder, as the source `folder` reads them."""
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        manifest = csv.writer(stream, lineterminator="\n")
        manifest.writerow(["path", "title"])
        for label, file, title, svg in track(pictures, len(pictures), f"drawing {folder.name}", "pictures"):
            (folder / label).mkdir(exist_ok=True)
            (folder / label / file).write_bytes(draw(svg))
            manifest.writerow([f"{label}/{file}", title])


@cache  # both studies have most pictures
def draw(svg: str) -> bytes:
    """Draw an SVG document on white, as PNG."""
    from resvg_py import svg_to_bytes

    return svg_to_bytes(svg_string=svg, background="#ffffff", skip_system_fonts=True)
