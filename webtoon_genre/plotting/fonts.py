"""The fonts of figures: matplotlib's DejaVu Sans, then NanumGothic for Korean, never those of the machine.

NanumGothic comes with the package koreanize-matplotlib, which is not imported: it would change matplotlib's settings.
"""

import importlib.metadata
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from webtoon_genre.core.names import nfc
from webtoon_genre.plotting.artists import FT2Font, font_manager, matplotlib

LATIN, KOREAN = "DejaVu Sans", "NanumGothic"
FAMILIES = [LATIN, KOREAN]  # in the order in which a character's glyph is looked up
PACKAGE, FOLDER = "koreanize-matplotlib", "koreanize_matplotlib/fonts"
FILES = {
    "NanumGothic.ttf": 400,
    "NanumGothicBold.ttf": 700,
}  # weights; the bold one's header says 600, which no text asks for


@cache
def install() -> None:
    """Leave matplotlib its own fonts and NanumGothic to choose from."""
    manager, bundled = font_manager.fontManager, Path(matplotlib.get_data_path())
    manager.ttflist = [font for font in manager.ttflist if Path(font.fname).is_relative_to(bundled)]
    for path in korean_files():
        manager.addfont(path)
        manager.ttflist[-1] = replace(manager.ttflist[-1], weight=FILES[path.name])


def korean_files() -> list[Path]:
    """Return the files of NanumGothic, regular and bold."""
    folder = Path(importlib.metadata.distribution(PACKAGE).locate_file(FOLDER))  # type: ignore[arg-type]
    return [folder / name for name in FILES]


@cache
def characters() -> frozenset[int]:
    """Return the code points that the regular fonts have glyphs of."""
    paths = [Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), korean_files()[0]]
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())


def without_glyph(texts: Iterable[str]) -> str:
    """Return the characters of `texts` that no font of FAMILIES has a glyph of, sorted."""
    composed = {character for text in texts for character in nfc(text)}
    return "".join(sorted(char for char in composed if char.isprintable() and ord(char) not in characters()))


def plain(name: str) -> str:
    """Return a name as one line of text: accents and Hangul composed (NFC), a space for a line break, tab or control character."""
    return "".join(replacement(character) for character in nfc(name))


def replacement(character: str) -> str:
    """Return what shows a character: a space for one that breaks lines or controls, � for half of a surrogate pair."""
    category = unicodedata.category(character)
    return {"Cc": " ", "Zl": " ", "Zp": " ", "Cs": "\N{REPLACEMENT CHARACTER}"}.get(category, character)
