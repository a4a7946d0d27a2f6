"""Names in one Unicode form, NFC: macOS stores 로맨스 in seven characters (NFD) where other systems store three, and both look alike."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator


def nfc(text: str) -> str:
    """Return `text` in NFC."""
    return unicodedata.normalize("NFC", text)


Name = Annotated[str, AfterValidator(nfc)]  # a key of params.yaml that is compared with names of files
