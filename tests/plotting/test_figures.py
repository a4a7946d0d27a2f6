"""webtoon_genre/plotting/figures.py: equal figures are equal files, and a picture's pixels stay as they are."""

import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tests.support.image_factory import picture
from webtoon_genre.plotting.figures import GAP, MARGIN, new_figure, save, sheet, tile


def test_a_saved_figure_is_a_png_without_metadata_and_twice_the_same(tmp_path):
    for name in ("one.png", "two.png"):
        figure = new_figure(2, 1)
        figure.add_subplot().plot([0, 1], [1, 0])
        save(figure, tmp_path / "plots" / name)
    one, two = ((tmp_path / "plots" / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two
    with Image.open(tmp_path / "plots/one.png") as image:
        assert (image.format, image.size, image.text) == ("PNG", (200, 100), {})


def test_a_failed_save_leaves_the_old_file(tmp_path):
    (tmp_path / "figure.png").write_bytes(b"old")
    figure = new_figure(2, 1)
    figure.text(0.5, 0.5, "$\\frac{$")  # mathematics that cannot be drawn
    with pytest.raises(ValueError, match=r"ParseException|Expected"):
        save(figure, tmp_path / "figure.png")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_figures_need_no_pyplot_and_no_display():
    new_figure(2, 1)
    assert "matplotlib.backends.backend_tkagg" not in sys.modules
    assert matplotlib.backends.backend_agg.FigureCanvasAgg is type(new_figure(2, 1).canvas)


def test_tiles_stand_in_rows_with_white_between_and_where_a_row_is_short():
    pictures = [picture(seed, 8, 8) for seed in range(3)]
    tiled = tile([pictures[:2], pictures[2:]], 8)
    assert tiled.shape == (16 + GAP, 16 + GAP, 3)
    assert np.array_equal(tiled[:8, 8 + GAP :], pictures[1])
    assert np.array_equal(tiled[8 + GAP :, :8], pictures[2])
    assert (tiled[8 : 8 + GAP] == 255).all()
    assert (tiled[8 + GAP :, 8:] == 255).all()


def test_a_sheet_shows_its_pictures_pixel_for_pixel(tmp_path):
    pictures = [[picture(row * 3 + column, 24, 24) for column in range(3)] for row in range(2)]
    save(sheet(pictures, ["daily", "comic"], 24), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    tiled = tile(pictures, 24)
    height, width = tiled.shape[:2]
    assert np.array_equal(pixels[GAP : GAP + height, MARGIN : MARGIN + width], tiled)
    assert (pixels[:, :MARGIN] < 128).any(axis=(1, 2)).sum() > 8  # the names
