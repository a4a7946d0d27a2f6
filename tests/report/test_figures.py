"""webtoon_genre/report/figures.py and sprites.py: smaller pictures that look the same, with the texts that stand in for them."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.support.image_factory import picture
from tests.support.synthetic_thumbnails import synthetic_labels, write_thumbnails
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.plotting import figures
from webtoon_genre.report import sprites
from webtoon_genre.report.figures import read_figure
from webtoon_genre.report.sprites import Sprites


def decode(uri: str) -> np.ndarray:
    """The pixels of a data URI, RGB."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")).astype(int)


def chart(image: np.ndarray | None = None):
    """A figure with a title and a caption."""
    figure = figures.new_figure(5, 3)
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0.5, 0.7, 0.6]) if image is None else axes.imshow(image)
    figures.lay_out(figure, "accuracy 0.700", "by epoch,\n판타지")
    return figure


@pytest.mark.parametrize("name", ["chart.png", "chart.jpg"])
def test_a_figure_has_its_title_and_caption_as_text(tmp_path, name):
    figures.save(chart(), tmp_path / name)
    figure = read_figure(tmp_path / name)
    assert figure.text == "accuracy 0.700. by epoch, 판타지"
    with Image.open(tmp_path / name) as image:
        assert (figure.width, figure.height) == image.size


@pytest.mark.parametrize(("photograph", "kind"), [(False, "png"), (True, "jpeg")])
def test_an_embedded_figure_looks_like_its_file_and_is_smaller(tmp_path, photograph, kind):
    path = tmp_path / "figure.png"
    figures.save(chart(picture(1, 300, 200) if photograph else None), path)
    figure = read_figure(path)
    assert figure.uri.startswith(f"data:image/{kind};base64,")
    assert len(figure.uri) < path.stat().st_size
    with Image.open(path) as image:
        original = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(decode(figure.uri) - original).mean() < 2


@pytest.fixture
def store(tmp_path):
    write_thumbnails(tmp_path, synthetic_labels(titles=12, images=5))
    return ThumbnailStore(tmp_path / "data/resized")


def test_a_thumbnail_that_is_used_twice_is_embedded_once(store):
    thumbnails = Sprites()
    first, other, again = (thumbnails.use(title, 1, "text") for title in (1, 2, 1))
    assert first == again != other
    assert len(thumbnails.positions) == 2


def test_each_use_shows_its_thumbnail(store):
    thumbnails = Sprites()
    html = {(title, no): thumbnails.use(title, no, f"{title} {no}") for title in range(1, 13) for no in range(1, 6)}
    sheet = thumbnails.draw(store)
    pixels, width = decode(sheet.uri), sprites.WIDTHS[0]
    for (title, no), text in list(html.items())[::7]:
        column, row = map(int, re.findall(r"--[xy]:(\d+)", text))
        height = round(width * sheet.ratio)
        tile = pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        image = Image.fromarray(store.take(pd.DataFrame([{"title_id": title, "no": no}]))[0])
        expected = np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(int)
        assert np.abs(tile - expected).mean() < 12


def test_a_sheet_that_is_too_large_has_smaller_thumbnails(store, monkeypatch):
    thumbnails = Sprites()
    for title in range(1, 13):
        thumbnails.use(title, 1, "")
    full = thumbnails.draw(store)
    monkeypatch.setattr(sprites, "LARGEST", len(full.uri) - 1)
    small = thumbnails.draw(store)
    assert len(small.uri) < len(full.uri)
    assert decode(small.uri).shape[1] == sprites.COLUMNS * sprites.WIDTHS[1]


def test_a_page_without_thumbnails_has_an_empty_sheet(store):
    assert decode(Sprites().draw(store).uri).shape[2] == 3
