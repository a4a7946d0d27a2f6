"""Thumbnails of a page as one picture, of which each use shows a part: a thumbnail that is used often is embedded once."""

import io
from base64 import b64encode
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image

from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.plotting.thumbnail_map import without_padding

COLUMNS = 40
WIDTHS = (72, 56, 44, 32)  # pixels of a thumbnail, the first with which the sheet fits LARGEST
LARGEST = 1_500_000  # characters of the sheet
QUALITY = 68  # of the JPEG


@dataclass
class Sprites:
    """The thumbnails of a page, by title_id and no, in the order of their first use."""

    positions: dict[tuple[int, int], int] = field(default_factory=dict)

    def use(self, title_id: int, no: int, text: str) -> Markup:
        """A thumbnail as HTML; text: what a screen reader says."""
        position = self.positions.setdefault((int(title_id), int(no)), len(self.positions))
        row, column = divmod(position, COLUMNS)
        return Markup('<span class="thumbnail" role="img" aria-label="{}" style="--x:{};--y:{}"></span>').format(
            text, column, row
        )

    def draw(self, store: ThumbnailStore) -> "Sheet":
        """Draw all thumbnails that were used."""
        keys = pd.DataFrame(list(self.positions), columns=["title_id", "no"])
        images = without_padding(store.take(keys)) if len(keys) else np.zeros((1, 8, 8, 3), np.uint8)
        sheets = (arrange(images, width) for width in WIDTHS)
        return next((sheet for sheet in sheets if len(sheet.uri) <= LARGEST), arrange(images, WIDTHS[-1]))


@dataclass(frozen=True)
class Sheet:
    """The picture of all thumbnails as a data URI. ratio: of a thumbnail's height to its width."""

    uri: str
    ratio: float
    columns: int = COLUMNS


def arrange(images: np.ndarray, width: int) -> Sheet:
    """Arrange images, uint8 (n, h, w, 3), in rows of COLUMNS, each `width` pixels wide."""
    height = max(1, round(width * images.shape[1] / images.shape[2]))
    rows = -(-len(images) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * width, rows * height), "white")
    for number, image in enumerate(images):
        row, column = divmod(number, COLUMNS)
        small = Image.fromarray(image).resize((width, height), Image.Resampling.BOX)
        canvas.paste(small, (column * width, row * height))
    return Sheet(data_uri(canvas, "JPEG", quality=QUALITY), height / width)


def data_uri(image: Image.Image, kind: str, **options: int | bool) -> str:
    """A picture as a data URI; kind: JPEG or PNG."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{b64encode(buffer.getvalue()).decode()}"
