"""The pipeline's figures for a page: smaller files of the same look, and the texts that stand in for them."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from webtoon_genre.core.errors import InputError
from webtoon_genre.report.sprites import data_uri

KINDS = (".png", ".jpg")
FEW = 8192  # colours of a chart, at most; a figure with more has photographs
PALETTE = 256
QUALITY = 85


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure. width, height: pixels. title, caption: the texts in it, which the stage that drew it stored with it."""

    path: str
    uri: str
    width: int
    height: int
    title: str
    caption: str

    @property
    def text(self) -> str:
        """What stands in for the figure."""
        return f"{self.title}. {self.caption}".strip(". ")


def read_figure(path: Path) -> EmbeddedFigure:
    """A PNG or JPEG that figures.save wrote. Charts become PNG with a palette, photographs JPEG."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro` makes it")
    with Image.open(path) as image:
        if image.format == "JPEG":
            title, _, caption = image.info.get("comment", b"").decode().partition("\n")
            uri = f"data:image/jpeg;base64,{b64encode(path.read_bytes()).decode()}"
        else:
            title, caption = (image.info.get(key, "") for key in ("Title", "Description"))
            uri = shrink(image.convert("RGB"))
        return EmbeddedFigure(path.as_posix(), uri, *image.size, title, caption)


def shrink(image: Image.Image) -> str:
    """A picture as a data URI of fewer bytes."""
    if image.getcolors(FEW) is None:
        return data_uri(image, "JPEG", quality=QUALITY)
    indexed = image.quantize(PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return data_uri(indexed, "PNG", optimize=True)
