"""Webtoon genres by drawing style. `load("models/best")` gives a model that predicts pictures."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from webtoon_genre.inference.model import GenreModel

__version__ = "0.2.0"


def load(folder: "str | os.PathLike[str]" = "models/best") -> "GenreModel":
    """The exported model in a folder: `load("models/best").predict(["cover.jpg"])`; it needs neither TensorFlow nor DVC.

    Raises webtoon_genre.core.errors.InputError, one line, where a file is missing or of another version.
    """
    from pathlib import Path

    from webtoon_genre.inference.model import load_model

    return load_model(Path(folder))
