"""webtoon_genre/plotting/fonts.py: Korean has a font, names are plain text, and no font of the machine is used."""

import logging
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.support.hostile_machine import FOLDER, environment, write
from webtoon_genre.core import machine
from webtoon_genre.plotting import artists, figures, fonts

FIGURE = """
import sys
from pathlib import Path
from webtoon_genre.plotting import figures
import matplotlib.pyplot  # reads the style files; seaborn imports it
figure = figures.new_figure(3, 2)
axes = figure.subplots()
axes.plot([1, 2], [2, 1])
axes.set_title("로맨스 $x$")
figure.tight_layout()
figures.save(figure, Path(sys.argv[1]))
"""


def drawn(name: str, **options) -> np.ndarray:
    """Pixels of a name in a figure."""
    figure = figures.new_figure(3, 0.5)
    figure.text(0.05, 0.3, name, **options)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def test_every_hangul_syllable_has_a_glyph():
    assert fonts.without_glyph(map(chr, range(0xAC00, 0xD7A4))) == ""


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_korean_is_drawn_by_the_font_of_the_lock_file(weight, caplog):
    figure = figures.new_figure(3, 1)
    text = figure.text(0, 0, "로맨스", fontweight=weight)
    figure.canvas.draw()
    paths = artists.font_manager.fontManager._find_fonts_by_props(text.get_fontproperties())
    assert [os.path.basename(path) for path in paths] == {  # noqa: PTH119 - a class of matplotlib's
        "normal": ["DejaVuSans.ttf", "NanumGothic.ttf"],
        "bold": ["DejaVuSans-Bold.ttf", "NanumGothicBold.ttf"],
    }[weight]
    assert caplog.records == []


def test_no_font_of_the_machine_can_be_chosen():
    figures.new_figure(1, 1)
    folders = {os.path.dirname(font.fname) for font in artists.font_manager.fontManager.ttflist}  # noqa: PTH120
    bundled = os.path.join(artists.matplotlib.get_data_path(), "fonts", "ttf")  # noqa: PTH118
    assert folders == {bundled, str(fonts.korean_files()[0].parent)}


@pytest.mark.parametrize("name", ["A_$b$", "$x$", r"\alpha", "x^2", "100 %", "a_b", r"$\frac{$", r"\$5 and \$6"])
def test_a_name_is_drawn_as_it_is_written(name):
    # pieces of one character cannot be a formula
    assert not np.array_equal(drawn(name), drawn(""))
    figure = figures.new_figure(1, 1)
    text = figure.text(0, 0, name)
    assert text._preprocess_math(name) == (name, False)


def test_decomposed_and_composed_korean_look_alike():
    name = "로맨스 판타지"
    assert figures.shorten(unicodedata.normalize("NFD", name)) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb", "a b"), ("a\tb", "a b"), ("a\x07b", "a b"), ("a\u2028b", "a b"), ("a\udceab", "a�b"), ("19+ %", "19+ %")],
)
def test_characters_that_break_lines_or_control_are_spaces(name, shown):
    assert figures.shorten(name) == shown


def test_one_line_names_characters_that_no_font_has(tmp_path, caplog):
    figure = figures.new_figure(3, 1)
    figure.subplots().set_xticks([0, 1], ["ไทย", "恋 로맨스"])
    figure.suptitle("ไท 🫠")
    figure.tight_layout()
    path = tmp_path / "figure.png"
    with caplog.at_level(logging.WARNING):
        figures.save(figure, path)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: boxes stand for characters that no font has: ท ย ไ 恋 🫠"
    ]
    with Image.open(path) as image:
        assert image.size == (300, 100)


def test_a_logarithmic_axis_has_plain_numbers():
    figure = figures.new_figure(4, 2)
    axes = figure.subplots()
    axes.plot([2e4, 3e6], [0, 1])
    figures.use_log_scale(axes)
    figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()][1:-1] == ["100k", "1M"]


def test_no_configuration_of_the_machine_changes_a_figure(tmp_path):
    write(tmp_path / "folder", FOLDER)
    (tmp_path / "empty").mkdir()
    (tmp_path / "draw.py").write_text(FIGURE, encoding="utf-8")
    hostile = machine.neutral(environment(tmp_path / "home")) | {"MPLBACKEND": "Qt4Agg", "MATPLOTLIBRC": "matplotlibrc"}
    for folder, variables in (("empty", {}), ("folder", hostile)):
        result = subprocess.run(
            [sys.executable, str(tmp_path / "draw.py"), str(tmp_path / f"{folder}.png")],
            cwd=tmp_path / folder,
            env={**os.environ, **variables, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
        )
        assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "folder.png").read_bytes() == (tmp_path / "empty.png").read_bytes()
    assert not (tmp_path / "home/.cache").exists()


def test_settings_that_were_changed_in_this_process_do_not_count():
    before = drawn("로맨스")
    artists.matplotlib.rcParams.update({"font.size": 30, "text.usetex": True, "figure.facecolor": "black"})
    assert np.array_equal(drawn("로맨스"), before)
