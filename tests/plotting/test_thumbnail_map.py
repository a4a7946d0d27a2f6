"""webtoon_genre/plotting/thumbnail_map.py: thumbnails at positions in the plane, none over another, framed by their class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.figure_texts import drawn_texts, text_faults
from tests.support.image_factory import picture
from tests.support.random_predictions import label_names
from webtoon_genre.plotting import figures, thumbnail_map

CAPTION = "\n".join(["long words " * 20, "0.532 [0.421, 0.643], 77 titles"])


def draw(number: int, labels: int, caption: str = CAPTION):
    """A map of `number` thumbnails with labels in turn."""
    generator = np.random.default_rng(number)
    images = np.stack([picture(seed, 16, 16) for seed in range(number)])
    positions = generator.normal(size=(number, 2))
    names = label_names(labels)
    layout = thumbnail_map.Layout.of(images, positions)
    return thumbnail_map.draw(layout, np.arange(number) % labels, names, "Titles by drawing style", caption)


@given(st.integers(1, 30), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 1e6]), st.floats(0.5, 2))
def test_no_two_positions_have_the_same_cell(number, seed, spread, ratio):
    positions = spread * np.random.default_rng(seed).normal(size=(number, 2))
    cells, shape = thumbnail_map.grid_cells(positions, ratio)
    assert len(np.unique(cells, axis=0)) == number
    assert (cells >= 0).all()
    assert (cells < shape).all()


def test_positions_on_a_grid_keep_their_order():
    positions = np.stack(np.divmod(np.arange(30), 6), axis=1).astype(float)
    cells, _ = thumbnail_map.grid_cells(positions, 0.6)
    for axis in range(2):
        for first, second in np.argwhere(positions[:, axis][:, None] < positions[:, axis]):
            assert cells[first, axis] < cells[second, axis]


def test_a_crowd_and_a_lone_position_stay_apart():
    positions = np.array([[0.0, 0.0]] * 20 + [[10.0, 10.0]])
    cells, _ = thumbnail_map.grid_cells(positions, 1)
    steps = np.abs(cells[:, None] - cells).max(axis=2)
    assert steps[:20, :20].max() <= 5
    assert steps[20, :20].min() >= 2


def test_a_thumbnail_is_framed_in_the_colour_of_its_class():
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 200)])
    canvas = thumbnail_map.paste(images, np.array([0, 3]), np.array([[1, 0], [0, 1]]), (2, 2), (50, 30))
    assert canvas.shape == (60, 100, 3)
    assert canvas[0, 50].tolist() == [0x3F, 0x90, 0xDA]
    assert canvas[20, 75].tolist() == [10, 10, 10]
    assert canvas[30, 0].tolist() == [0x94, 0xA4, 0xA2]
    assert canvas[50, 25].tolist() == [200, 200, 200]
    assert (canvas[:30, :50] == 255).all()


def test_padding_is_left_out_where_most_thumbnails_have_it():
    images = np.full((3, 10, 10, 3), 9, np.uint8)
    images[:2, :3] = images[:2, 8:] = 0
    assert thumbnail_map.without_padding(images).shape == (3, 5, 10, 3)
    assert thumbnail_map.without_padding(images[2:]).shape == (1, 10, 10, 3)
    assert thumbnail_map.without_padding(np.zeros_like(images)).shape == images.shape


@pytest.mark.parametrize(
    ("number", "labels"),
    [
        (3, 2),
        (60, 3),
        (60, 18),
        pytest.param(300, 10, marks=pytest.mark.exhaustive),
        pytest.param(300, 60, marks=pytest.mark.slow),
    ],
)
def test_no_text_is_cut_and_none_covers_another(number, labels):
    figure = draw(number, labels)
    assert text_faults(figure) == []
    assert len(drawn_texts(figure)) == number + labels + 2


def test_the_legend_counts_the_thumbnails_of_each_class():
    texts = [text.get_text() for text in draw(5, 2).legends[0].get_texts()]
    assert texts == ["1 19+ (3)", "2 a+b (2)"]


def test_all_numbers_contrast_with_their_colour():
    inks = {colour: thumbnail_map.ink(colour) for colour in thumbnail_map.COLOURS}
    assert inks["#ffa90e"] == "black"
    assert inks["#832db6"] == "white"


def test_two_drawings_are_equal_byte_for_byte(tmp_path):
    for name in ("first.png", "second.png"):
        figures.save(draw(12, 3), tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
