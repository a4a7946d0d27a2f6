"""webtoon_genre/core/names.py: names in one Unicode form."""

import unicodedata

import pytest
from pydantic import TypeAdapter

from webtoon_genre.core.names import Name, nfc


@pytest.mark.parametrize("name", ["로맨스", "Größe", "19+", "a/b", "🙂", ""])
def test_a_name_has_one_form(name):
    for form in ("NFC", "NFD"):
        assert nfc(unicodedata.normalize(form, name)) == unicodedata.normalize("NFC", name)


def test_a_name_in_params_is_read_in_nfc():
    decomposed = unicodedata.normalize("NFD", "로맨스")
    assert TypeAdapter(list[Name]).validate_python([decomposed, "nan"]) == ["로맨스", "nan"]
