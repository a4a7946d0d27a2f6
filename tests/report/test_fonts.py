"""webtoon_genre/report/fonts.py: the glyphs that a page needs, and no others."""

import base64
import io

from fontTools.ttLib import TTFont

from webtoon_genre.report import fonts


def characters(uri: str) -> set[str]:
    """The characters that a font has."""
    return {chr(code) for code in TTFont(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).getBestCmap()}


def test_korean_characters_of_a_text_are_in_the_font_and_latin_ones_are_not():
    assert characters(fonts.subset("Fantasy 판타지, 일상!")) == set("판타지일상")


def test_a_text_without_korean_needs_no_font():
    assert fonts.subset("accuracy ± 0.5 → “yes”") is None


def test_equal_texts_give_equal_bytes():
    assert fonts.subset("감성 개그") == fonts.subset("개그, 감성")
