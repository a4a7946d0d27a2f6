"""webtoon_genre/plotting/figures.py: equal figures give equal files, and sheets show the pixels of their images."""

import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tests.support.image_factory import picture
from webtoon_genre.plotting.figures import GAP, GREY, MARGIN, draw_map, lay_out, new_figure, save, sheet, tile


def test_a_figure_saved_twice_is_the_same_png_with_its_texts_alone_as_metadata(tmp_path):
    for name in ("first.png", "second.png"):
        figure = new_figure(2, 1)
        figure.add_subplot().plot([0, 1], [1, 0])
        lay_out(figure, "Accuracy 0.5", "two\nlines, 개그")
        save(figure, tmp_path / "plots" / name)
    first, second = ((tmp_path / "plots" / name).read_bytes() for name in ("first.png", "second.png"))
    assert first == second
    with Image.open(tmp_path / "plots/first.png") as image:
        assert (image.format, image.text) == ("PNG", {"Title": "Accuracy 0.5", "Description": "two lines, 개그"})


def test_a_failed_save_leaves_the_old_file(tmp_path):
    (tmp_path / "figure.png").write_bytes(b"old")
    figure = new_figure(2, 1)
    figure.text(0.5, 0.5, "$\\frac{$", parse_math=True)  # mathematics that cannot be drawn
    with pytest.raises(ValueError, match=r"ParseException|Expected"):
        save(figure, tmp_path / "figure.png")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_figures_need_no_pyplot_and_no_display():
    new_figure(2, 1)
    assert "matplotlib.backends.backend_tkagg" not in sys.modules
    assert matplotlib.backends.backend_agg.FigureCanvasAgg is type(new_figure(2, 1).canvas)


def test_gaps_between_tiles_and_the_ends_of_short_rows_are_white():
    images = [picture(seed, 8, 8) for seed in range(3)]
    canvas = tile([images[:2], images[2:]], 8)
    assert canvas.shape == (16 + GAP, 16 + GAP, 3)
    assert np.array_equal(canvas[:8, 8 + GAP :], images[1])
    assert np.array_equal(canvas[8 + GAP :, :8], images[2])
    assert (canvas[8 : 8 + GAP] == 255).all()
    assert (canvas[8 + GAP :, 8:] == 255).all()


def test_a_sheet_shows_its_images_pixel_by_pixel(tmp_path):
    images = [[picture(row * 3 + column, 24, 24) for column in range(3)] for row in range(2)]
    figure = sheet(images, ["daily", "comic"], "A title", "a caption\nof two lines")
    save(figure, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    canvas = tile(images, 24)
    height, width = canvas.shape[:2]
    top = round(figure.bbox.height - figure.axes[0].bbox.y1)
    assert np.array_equal(pixels[top : top + height, MARGIN : MARGIN + width], canvas)
    assert (pixels[top : top + height, :MARGIN] < 128).any(axis=(1, 2)).sum() > 8  # the names


def test_a_title_and_a_caption_of_many_lines_take_no_room_from_the_axes():
    heights = []
    for words in (1, 80):
        figure = new_figure(4, 2)
        axes = figure.subplots()
        lay_out(figure, "A title " * words, "a caption " * words)
        heights.append(axes.bbox.height)
    assert heights[0] == pytest.approx(heights[1], abs=1)


def test_a_map_has_a_text_in_each_cell_and_grey_where_titles_are_few():
    values, few = np.array([[0.5, -0.5], [np.nan, 0.2]]), np.array([[False, False], [False, True]])
    axes = new_figure(4, 4).subplots()
    draw_map(axes, values, few, np.array([["a", "b"], ["", "d"]], object), 0.5)
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
        ("a", "white"),
        ("b", "white"),
        ("d", GREY),
    ]
    coloured, grey = (image.get_array() for image in axes.images)
    assert np.ma.getmaskarray(coloured).tolist() == [[False, False], [True, True]]
    assert np.ma.getmaskarray(grey).tolist() == [[True, True], [True, False]]
