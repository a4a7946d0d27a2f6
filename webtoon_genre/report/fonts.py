"""The glyphs of a page that a reader's machine may lack: NanumGothic, as far as the page's text needs it, as a WOFF data URI."""

import io
import logging
from base64 import b64encode

from webtoon_genre.plotting.fonts import korean_files

SOURCES = ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]  # tables of the font's editor
BLOCKS = (
    (0x1100, 0x11FF),
    (0x2E80, 0x9FFF),
    (0xAC00, 0xD7FF),
)  # of Korean, Chinese and Japanese; other characters are in every machine's fonts


def subset(text: str) -> str | None:
    """A font with the characters of `text` in BLOCKS, None where it needs none. Equal characters give equal bytes."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.WARNING)
    with TTFont(korean_files()[0], recalcTimestamp=False) as font:
        wanted = {code for code in map(ord, text) if any(first <= code <= last for first, last in BLOCKS)}
        characters = sorted(wanted & set(font.getBestCmap()))
        if not characters:
            return None
        options = Options(hinting=False, layout_features=[], notdef_outline=True, name_IDs=[])
        options.drop_tables += SOURCES
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        font.flavor = "woff"
        buffer = io.BytesIO()
        font.save(buffer)
    return f"data:font/woff;base64,{b64encode(buffer.getvalue()).decode()}"
