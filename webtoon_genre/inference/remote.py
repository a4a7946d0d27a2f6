"""A model from a Git repository at a revision, through DVC, which is needed for this alone."""

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError


def is_repository(model: str) -> bool:
    """Whether a model is named by a Git URL and not by a folder."""
    return "://" in model or model.startswith("git@") or model.endswith(".git")


@contextmanager
def local_model(model: str, rev: str | None) -> Iterator[Path]:
    """The folder itself, or a temporary one with `models/best` of a Git repository at a revision."""
    if rev is None and not is_repository(model):
        yield Path(model)
        return
    try:
        importlib.import_module("dvc")
    except ImportError:
        raise InputError(
            f"--model {model}{f' --rev {rev}' if rev else ''} needs DVC, which is not installed here; "
            "install it (`pip install 'dvc>=3.60'` and the driver of its remote), or name a folder"
        ) from None
    with tempfile.TemporaryDirectory(prefix="webtoon-genre-") as folder:
        target = Path(folder) / "model"
        command = [sys.executable, "-m", "dvc", "get", "--quiet", model, str(paths.BEST), "--out", str(target)]
        done = subprocess.run([*command, *(["--rev", rev] if rev else [])], capture_output=True, text=True)
        if done.returncode:
            reason = " ".join(done.stderr.removeprefix("ERROR:").split())[:300]
            raise InputError(f"--model {model}: `dvc get` fails: {reason}")
        yield target
