"""Pictures by path, folder, URL or bytes: found, read and fitted into the model's square, in order, beside other work."""

import os
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.data.images import BadImage, Interpolation, decode_rgb, fit_square

Source = (
    str | os.PathLike[str] | bytes | np.ndarray
)  # a path or URL, a file's content, or uint8 (height, width, 3), RGB
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")  # of the files of a folder that are pictures
SCHEMES = ("http://", "https://")
LARGEST = 50_000_000  # bytes of a picture that are read
TIMEOUT = 20.0  # seconds without an answer of a server
MAX_THREADS = 8
AHEAD = 64  # pictures that are read before they are asked for


@dataclass(frozen=True)
class Rule:
    """How a picture becomes the model's input; max_pixels: of a picture that is decoded."""

    side: int
    interpolation: Interpolation
    max_pixels: int


@dataclass(frozen=True)
class Picture:
    """name: path, URL or number. pixels: uint8 (side, side, 3), RGB, or None where it cannot be read, and then `error` says why."""

    name: str
    pixels: np.ndarray | None
    error: str = ""


def expand(arguments: Iterable[str], stdin: TextIO) -> list[str]:
    """Paths and URLs: of a folder the pictures in it, by path; of `-` the lines of stdin. InputError where a folder has none."""
    paths: list[str] = []
    for argument in arguments:
        if argument == "-":
            paths += [line for line in stdin.read().splitlines() if line.strip()]
        elif not is_url(argument) and Path(argument).is_dir():
            paths += pictures_in(Path(argument))
        else:
            paths.append(argument)
    if not paths:
        raise InputError("no picture is named; give files, folders or URLs, or their list on standard input after -")
    return paths


def is_url(text: str) -> bool:
    """Whether a source is fetched."""
    return text.lower().startswith(SCHEMES)


def pictures_in(folder: Path) -> list[str]:
    """Paths of the pictures below a folder, by their suffix; hidden files and folders are left out."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise InputError(f"{folder} holds no picture ({', '.join(SUFFIXES)})")
    return [str(path) for path in paths]


def read_pictures(sources: Iterable[Source], rule: Rule) -> Iterator[Picture]:
    """Read, decode and fit pictures in threads: in order, and never many more than were asked for."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as pool:
        pending: deque[Future[Picture]] = deque()
        for number, source in enumerate(sources):
            pending.append(pool.submit(read_picture, source, f"picture {number}", rule))
            if len(pending) > AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def read_picture(source: Source, name: str, rule: Rule) -> Picture:
    """Read one picture; `name` is that of a source without a path."""
    if not isinstance(source, bytes | np.ndarray):
        name = os.fspath(source)
    try:
        image = source if isinstance(source, np.ndarray) else decode_rgb(read_bytes(source), name, rule.max_pixels)
        return Picture(name, fit_square(checked_array(image), rule.side, rule.interpolation))
    except BadImage as error:
        return Picture(name, None, error.detail)
    except OSError as error:
        return Picture(name, None, describe(error))
    except ValueError as error:
        return Picture(name, None, str(error))


def checked_array(image: np.ndarray) -> np.ndarray:
    """The array, or ValueError where it is no picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an array of {image.dtype} {image.shape} is no picture; give uint8 (height, width, 3), RGB")
    return image


def read_bytes(source: str | os.PathLike[str] | bytes) -> bytes:
    """The content of a file or of a URL; ValueError where it is too long."""
    if isinstance(source, bytes):
        return source
    path = os.fspath(source)
    if is_url(path):
        with urllib.request.urlopen(path, timeout=TIMEOUT) as response:
            content = response.read(LARGEST + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    return content


def describe(error: OSError) -> str:
    """Why a file or URL cannot be read, in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"it cannot be fetched ({error.reason})"
    return (error.strerror or str(error) or type(error).__name__).lower()
