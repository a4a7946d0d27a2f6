"""bench/emoji.py, bench/emoji_pictures.py: which emoji, titles and labels the studies have, and what is drawn; small SVGs, no network."""

import io
import json
import os
import stat
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import emoji, emoji_pictures, study
from bench.emoji import Label
from bench.emoji_pictures import SIDE, Emoji, Picture
from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.sources.folder import list_entries

RED = '<path fill="#f00" d="M0 0h20v10H0z"/>'
GRADIENT = (
    '<linearGradient id="a"><stop stop-color="#f00"/><stop offset="1" stop-color="#00f"/></linearGradient>'
    '<path fill="url(#a)" d="M0 0h20v20H0z"/>'
)


def write_package(folder: Path, icons: dict[str, dict], **defaults: float) -> Path:
    """A package as npm installs it, with 20 × 20 icons unless they say otherwise."""
    folder.mkdir(parents=True)
    document = {"prefix": folder.name, "icons": icons, "width": 20, "height": 20, **defaults}
    (folder / "icons.json").write_text(json.dumps(document))
    return folder


def pixels(png: bytes) -> np.ndarray:
    """A PNG, uint8 (height, width, 3), RGB."""
    return np.array(Image.open(io.BytesIO(png)).convert("RGB"))


def documents(*names: str) -> dict[str, str]:
    """A different drawing for each emoji."""
    return {name: f"<svg>{name}</svg>" for name in names}


def npm_that(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program `npm` in front of PATH."""
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_emoji_are_those_that_all_vendors_draw():
    vendors = [documents("cat", "dog", "owl"), documents("owl", "cat"), documents("cat", "ant", "owl")]
    chosen = emoji_pictures.shared_emoji(vendors, {"cat": "Animals", "owl": "Animals", "dog": "Animals"})
    assert chosen == [Emoji("cat", "cat", "Animals"), Emoji("owl", "owl", "Animals")]


def test_emoji_of_two_titles_that_a_vendor_draws_alike_are_left_out():
    alike = {**documents("cat", "cook", "man-cook", "owl"), "grinning-cat": "<svg>cat</svg>"}
    alike["man-cook"] = alike["cook"]
    vendors = [documents(*alike), alike]
    chosen = emoji_pictures.shared_emoji(vendors, dict.fromkeys(alike, "a category"))
    assert [item.name for item in chosen] == ["cook", "man-cook", "owl"]


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["cook", "man-cook", "woman-cook"], "cook"),
        (["person-walking", "man-walking", "man-walking-facing-right"], "walking"),
        (["red-heart", "light-blue-heart"], "heart"),
        (["one-oclock", "twelve-thirty"], "clock"),
        (["full-moon", "waning-gibbous-moon", "new-moon-face"], "moon"),
        (["keycap-1", "keycap-asterisk"], "keycap"),
        (["man"], "man"),
        (["black-cat"], "black-cat"),
        (["mantelpiece-clock"], "mantelpiece-clock"),
    ],
)
def test_near_copies_are_one_title(names, title):
    assert {emoji_pictures.title_of(name) for name in names} == {title}


def test_a_category_needs_fifty_titles():
    many = [Emoji(f"animal-{number}", f"animal-{number}", "Animals") for number in range(50)]
    few = [
        Emoji(f"{person}flag-{number}", f"flag-{number}", "Flags") for number in range(49) for person in ("", "man-")
    ]
    assert emoji_pictures.in_large_categories([*few, *many]) == many


def test_a_drawing_is_square_and_on_white_and_has_gradients(tmp_path):
    icons = {"half": {"body": RED}, "blend": {"body": GRADIENT}}
    drawings = emoji_pictures.read_drawings(write_package(tmp_path / "vendor", icons))
    half, blend = (pixels(emoji_pictures.draw(drawings[name])) for name in icons)
    assert half.shape == blend.shape == (SIDE, SIDE, 3)
    assert half[[50, 150], 100].tolist() == [[255, 0, 0], [255, 255, 255]]
    assert [pixel.argmax() for pixel in blend[100, [5, 195]]] == [0, 2]
    assert blend[100, 100].tolist() == pytest.approx([128, 0, 128], abs=3)


def test_an_icon_that_is_not_square_is_centred(tmp_path):
    package = write_package(tmp_path / "vendor", {"wide": {"body": RED, "height": 10}})
    column = pixels(emoji_pictures.draw(emoji_pictures.read_drawings(package)["wide"]))[[20, 60, 140, 180], 100]
    assert [pixel.tolist() == [255, 0, 0] for pixel in column] == [False, True, True, False]


def test_equal_runs_draw_equal_files(tmp_path):
    svg = emoji_pictures.svg_document({"body": GRADIENT, "width": 20, "height": 20})
    pictures = [Picture("a label", "a.png", "a title", svg), Picture("another", "a.png", "a title", svg)]
    for folder in ("first", "second"):
        emoji_pictures.write_pictures(tmp_path / folder, pictures)
    first, second = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("first", "second")
    )
    assert first == second
    assert len(first) == 3


def test_the_source_folder_reads_labels_and_titles(tmp_path):
    svg = emoji_pictures.svg_document({"body": RED, "width": 20, "height": 20})
    pictures = [
        Picture("Food & Drink", "tea-noto.png", "tea", svg),
        Picture("Objects", "red-book-noto.png", "book", svg),
    ]
    emoji_pictures.write_pictures(tmp_path / "pictures", pictures)
    entries = list_entries(tmp_path / "pictures", Counter())
    assert sorted((entry.label, entry.title) for entry in entries) == [("Food & Drink", "tea"), ("Objects", "book")]


def test_by_category_the_pictures_of_one_vendor_are_apart(monkeypatch):
    monkeypatch.setattr(emoji_pictures, "FEWEST_TITLES", 1)
    vendors = {vendor: documents("cat", "tea") for vendor in ("noto", "openmoji", "twemoji")}
    pictures = emoji.choose_pictures([Emoji("cat", "cat", "Animals"), Emoji("tea", "tea", "Food")], vendors, "openmoji")
    labels = {name: Counter(picture.label for picture in chosen) for name, chosen in pictures.items()}
    assert labels == {
        Label.vendor: {"noto": 2, "openmoji": 2, "twemoji": 2},
        Label.category: {"Animals": 2, "Food": 2},
        emoji.UNSEEN: {"Animals": 1, "Food": 1},
    }
    assert [picture.file for picture in pictures[emoji.UNSEEN]] == ["cat-openmoji.png", "tea-openmoji.png"]


def test_npm_gets_pinned_versions_and_runs_no_scripts(tmp_path, monkeypatch):
    npm_that(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/arguments')
    emoji_pictures.fetch(tmp_path / "packages")
    arguments = (tmp_path / "arguments").read_text().split()
    assert "--ignore-scripts" in arguments
    assert arguments[-5:] == [
        str(tmp_path / "packages"),
        *(f"@iconify-json/{vendor}@{version}" for vendor, version in emoji_pictures.VERSIONS.items()),
    ]


def test_without_a_network_npm_s_reason_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(emoji_pictures, "VERSIONS", {"noto": "1.2.9"})
    npm_that(
        tmp_path,
        monkeypatch,
        'printf "npm error code ENOTFOUND\\nnpm error no address\\nnpm error a log\\n" >&2; exit 1',
    )
    with pytest.raises(InputError) as error:
        emoji_pictures.fetch(tmp_path / "packages")
    assert str(error.value) == (
        "npm cannot install @iconify-json/noto@1.2.9: code ENOTFOUND; no address; check the network and npm's configuration"
    )


def test_without_npm_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as error:
        emoji_pictures.fetch(tmp_path / "packages")
    assert str(error.value) == "npm is not on PATH; install it, on Debian with `make servers`"


def test_pictures_are_drawn_over_no_other_ones(tmp_path):
    (tmp_path / "unseen").mkdir()
    with pytest.raises(InputError) as error:
        emoji.main(backbones=["vgg16"], pictures=tmp_path)
    assert str(error.value) == f"--pictures: {tmp_path}/unseen exists; remove it, or name another folder"


def test_an_unknown_vendor_is_one_line():
    with pytest.raises(InputError) as error:
        emoji.main(left_out="emojione")
    assert str(error.value) == "--left-out is 'emojione'; one of fluent-emoji-flat, noto, openmoji, twemoji"


def shape(vendor: int, category: int, number: int) -> str:
    """A disc or a bar of a size by number, in a colour by vendor."""
    size, colour = 4 + number, ("#d00", "#0a0", "#00d")[vendor]
    body = (f'<circle cx="10" cy="10" r="{size / 2}"', f'<path d="M0 9h{size}v3H0z"')[category]
    return emoji_pictures.svg_document({"body": f'{body} fill="{colour}"/>', "width": 20, "height": 20})


@pytest.mark.exhaustive
def test_the_study_of_categories_trains_without_a_vendor_and_scores_its_pictures(monkeypatch, capsys):
    monkeypatch.setattr(emoji_pictures, "FEWEST_TITLES", 1)
    monkeypatch.setattr(study, "RANDOM", study.RANDOM | {"train.epochs": 2, "features.calibration_images": 8})
    categories = [
        Emoji(f"{name}-{number}", f"{name}-{number}", name) for name in ("disc", "bar") for number in range(10)
    ]
    vendors = {
        name: {item.name: shape(vendor, item.category == "bar", int(item.name[-1])) for item in categories}
        for vendor, name in enumerate(["noto", "openmoji", "twemoji"])
    }
    chosen = emoji.choose_pictures(categories, vendors, "openmoji")
    monkeypatch.setattr(emoji, "fetch_pictures", lambda left_out: chosen)
    emoji.main(labels=[Label.category], backbones=["mobilenet_v2"], targets=["baseline", "evaluate"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["| emoji by category, mobilenet_v2 | random |", "|---|---|"]
    rows = dict(line.strip("| ").split(" | ") for line in lines[2:] if line)
    models = ("colour histogram", "backbone", "backbone − colour histogram")
    assert list(rows) == ["largest class", *(prefix + name for prefix in ("", "left-out vendor: ") for name in models)]
    assert all(value.endswith(", 4 titles") for value in rows.values())
