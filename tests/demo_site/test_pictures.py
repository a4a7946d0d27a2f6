"""Drawings of the demo site: equal bytes on every machine, styles that belong to genres, special kinds of files."""

import io
from hashlib import sha256
from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from webtoon_genre.demo_site import sheet
from webtoon_genre.demo_site.art import drawing, pictures
from webtoon_genre.demo_site.art.clothes import GARMENTS
from webtoon_genre.demo_site.art.effects import EFFECTS
from webtoon_genre.demo_site.art.geometry import oval, smooth, transform
from webtoon_genre.demo_site.art.head import EYES
from webtoon_genre.demo_site.art.scene import BACKDROPS, FRAMINGS
from webtoon_genre.demo_site.art.schools import GENRES, SCHOOLS, overlap
from webtoon_genre.demo_site.art.style import school_of, style_of
from webtoon_genre.demo_site.world import World

SEED = 2022
PAIRS = {frozenset({"comic", "daily"}), frozenset({"sensibility", "pure"})}
GOLDEN = {  # title and episode -> first digits of the SHA-256 of its JPEG, one for each school
    "fantasy/0 3": "b53d677f89eb38c0",  # inkwash
    "drama/0 3": "576ead64a30dd0c6",  # realist
    "pure/1 4": "1189a848d0ae322a",  # blossom
    "comic/0 3": "ff2831816746e281",  # gag
    "daily/0 3": "03974bddd73a05b1",  # diary
    "action/0 3": "8cb30179cbf9e965",  # clash
    "thrill/0 3": "b66ddf1d85dbfa5f",  # noir
    "historical/7 10": "9e02c21b85bfc785",  # epic
    "sports/0 3": "12fce9dd9ca92b48",  # arena
    "sensibility/2 5": "80e3252563e85bd4",  # water
}


def picture(key: str, slot: int) -> np.ndarray:
    """Draw a thumbnail: uint8 (120, 202, 3), BGR."""
    return drawing.thumbnail(SEED, key, 300_001, slot)


def colours(image: np.ndarray) -> np.ndarray:
    """Return a coarse colour histogram with a sum of 1."""
    counts = cv2.calcHist([image], [0, 1, 2], None, [4, 4, 4], [0, 256] * 3).ravel()
    return counts / counts.sum()


# These may change only together with world.EDITION: a crawl identifies pictures by their addresses.
@pytest.mark.parametrize(("key", "digest"), GOLDEN.items())
def test_the_bytes_of_a_thumbnail_equal_the_golden_ones(key, digest):
    name, _, slot = key.rpartition(" ")
    assert sha256(pictures.jpeg(picture(name, int(slot)))).hexdigest()[:16] == digest


@given(st.sampled_from(sorted(GENRES)), st.integers(0, 30), st.integers(-1, 500))
@settings(max_examples=40)
def test_a_thumbnail_is_202_by_120_and_repeatable(genre, number, slot):
    image = picture(f"{genre}/{number}", slot)
    assert image.shape == (120, 202, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, picture(f"{genre}/{number}", slot))


def test_thumbnails_of_a_title_differ_from_one_another():
    assert len({picture("drama/1", slot).tobytes() for slot in range(30)}) == 30


def test_a_thumbnail_is_closer_to_its_title_than_to_another_title_of_its_genre():
    same_title, other_title = [], []
    for genre in GENRES:
        first, second, third = (
            np.mean([colours(picture(f"{genre}/{title}", slot)) for slot in slots], axis=0)
            for title, slots in ((1, range(8)), (1, range(8, 16)), (4, range(8)))
        )
        same_title.append(np.abs(first - second).sum())
        other_title.append(np.abs(first - third).sum())
    assert np.mean(same_title) < 0.7 * np.mean(other_title)


def test_two_pairs_of_genres_share_most_of_their_styles_and_no_others_do():
    for first, second in combinations(GENRES, 2):
        shared = overlap(first, second)
        assert shared >= 0.7 if frozenset({first, second}) in PAIRS else shared <= 0.35, (first, second, shared)


def test_every_genre_outside_the_pairs_has_a_distinct_main_school():
    paired = {genre for pair in PAIRS for genre in pair}
    main_school = {genre: max(shares, key=shares.__getitem__) for genre, shares in GENRES.items()}
    assert len({main_school[genre] for genre in GENRES if genre not in paired}) == len(GENRES) - len(paired)


@pytest.mark.parametrize("genre", GENRES)
def test_the_frequencies_of_schools_over_the_titles_of_a_genre_equal_its_mixture(genre):
    count = 200
    schools = [school_of(SEED, f"{genre}/{number}") for number in range(count)]
    for school, share in GENRES[genre].items():
        assert abs(schools.count(school) / count - share) < 0.03


@pytest.mark.parametrize("shares", GENRES.values(), ids=GENRES)
def test_the_mixture_of_a_genre_has_a_sum_of_1_and_known_schools(shares):
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) <= set(SCHOOLS)


@pytest.mark.parametrize("school", SCHOOLS.values(), ids=SCHOOLS)
def test_a_school_has_only_elements_that_exist(school):
    assert set(school.backdrops) <= set(BACKDROPS)
    assert set(school.framings) <= set(FRAMINGS)
    assert set(school.effects) <= set(EFFECTS)
    assert set(school.eyes) <= set(EYES)
    assert set(school.outfits) <= set(GARMENTS)


def test_every_element_belongs_to_a_school():
    for elements, field in (
        (BACKDROPS, "backdrops"),
        (FRAMINGS, "framings"),
        (EFFECTS, "effects"),
        (GARMENTS, "outfits"),
    ):
        assert set(elements) == {name for school in SCHOOLS.values() for name in getattr(school, field)}


def test_two_titles_of_a_painter_have_equal_lines_and_faces():
    first, second = style_of(SEED, "pure/1", 7), style_of(SEED, "pure/4", 7)
    assert first.name == second.name
    assert (first.line, first.eyes, first.face, first.ink) == (second.line, second.eyes, second.face, second.ink)
    assert first.hues != second.hues


def test_special_kinds_have_their_file_formats():
    image = picture("fantasy/1", 0)
    files = {
        kind: pictures.encode(image, kind) for kind in ("plain", "grey", "cmyk", "png", "pixel", "truncated", "html")
    }
    decoded = {kind: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) for kind, data in files.items()}
    assert files["png"].startswith(b"\x89PNG")
    assert all(files[kind].startswith(b"\xff\xd8\xff") for kind in ("plain", "grey", "cmyk", "pixel", "truncated"))
    assert files["html"].startswith(b"<!doctype html>")
    assert decoded["grey"].shape == (120, 202)
    assert decoded["pixel"].shape == (1, 1, 3)
    assert decoded["truncated"] is None
    assert decoded["html"] is None
    assert np.array_equal(decoded["png"], image)
    assert Image.open(io.BytesIO(files["cmyk"])).mode == "CMYK"
    assert np.abs(decoded["cmyk"].astype(int) - image).mean() < 5


def test_a_contact_sheet_has_a_row_per_genre(tmp_path):
    sheet.write(tmp_path / "sheet.png", World(SEED, 0.001), 2)
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image.shape == (10 * 124, 96 + 2 * 206, 3)


def test_the_contact_sheet_crops_black_bars_and_fills_the_cell():
    image = np.full((120, 202, 3), 200, np.uint8)
    image[20:100, ::2] = 90
    bars = image.copy()
    bars[:20] = bars[100:] = 8
    assert sheet.crop_bars(bars).shape == image.shape
    assert sheet.crop_bars(bars).min() >= 90
    assert np.array_equal(sheet.crop_bars(image), image)


def test_the_contact_sheet_leaves_a_dark_scene_unchanged():
    image = np.full((120, 202, 3), 8, np.uint8)
    image[40:80] = 200
    assert np.array_equal(sheet.crop_bars(image), image)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=9))
def test_a_smoothed_shape_stays_within_its_corners(points):
    smoothed = np.array(smooth(points))
    assert (smoothed.min(axis=0) >= np.min(points, axis=0) - 1e-9).all()
    assert (smoothed.max(axis=0) <= np.max(points, axis=0) + 1e-9).all()


def test_a_shape_is_mirrored_then_rotated_then_translated():
    assert transform([(1.0, 0.0)], 10, 20, 2, turn=90, flip=-1) == [(10.0, 18.0)]


def test_an_arc_runs_clockwise_from_the_right_and_includes_both_ends():
    assert oval(0, 0, 1, 1, 90, 0, 180) == [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]
