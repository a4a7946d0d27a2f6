"""Small synthetic pictures and complete data/raw folders for tests; no fixtures, no assertions."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from webtoon_genre.data.tables import EPISODES, IMAGES, TITLES, write_table


def picture(seed: int, width: int = 60, height: int = 40) -> np.ndarray:
    """Return a smooth random picture: uint8 (height, width, 3), RGB."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def quarters(width: int = 64, height: int = 32) -> np.ndarray:
    """Return an image of red, green, blue and yellow quarters, from the upper left by rows: uint8 (height, width, 3), RGB."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (200, 40, 40)
    image[: height // 2, width // 2 :] = (40, 200, 40)
    image[height // 2 :, : width // 2] = (40, 40, 200)
    image[height // 2 :, width // 2 :] = (200, 200, 40)
    return image


def encode(image: np.ndarray | Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """Encode a picture with Pillow."""
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, form, **options)
    return stream.getvalue()


def title(title_id: int, genres: Iterable[str], images: Mapping[int, bytes], **more: object) -> dict[str, object]:
    """Return a title for `write_raw`; `more` may have star_score, and episode_genre (a genre for all its episodes)."""
    return {
        "title_id": title_id,
        "genres": list(genres),
        "images": dict(images),
        "star_score": 9.5,
        "episode_genre": None,
        **more,
    }


def write_raw(folder: Path, titles: Iterable[Mapping[str, object]]) -> None:
    """Write data/raw: the two tables and the thumbnails."""
    titles = list(titles)
    write_table(pd.DataFrame([title_row(item) for item in titles]), TITLES, folder / "titles.parquet")
    episodes = [episode_row(item, no) for item in titles for no in sorted(item["images"])]
    write_table(pd.DataFrame(episodes), EPISODES, folder / "episodes.parquet")
    for item in titles:
        images = pd.DataFrame(sorted(item["images"].items()), columns=IMAGES.names)
        write_table(images, IMAGES, folder / "thumbnails" / f"{item['title_id']}.parquet")


def title_row(item: Mapping[str, object]) -> dict[str, object]:
    """Return a row of titles.parquet."""
    return {
        "title_id": item["title_id"],
        "title": f"title {item['title_id']}",
        "authors": ["someone"],
        "genres": item["genres"],
        "star_score": item["star_score"],
        "adult": False,
        "source": "drawn",
        "finished": None,
    }


def episode_row(item: Mapping[str, object], no: int) -> dict[str, object]:
    """Return a row of episodes.parquet."""
    data = item["images"][no]
    return {
        "title_id": item["title_id"],
        "no": no,
        "genre": item["episode_genre"],
        "subtitle": f"episode {no}",
        "date": None,
        "star_score": item["star_score"],
        "thumbnail_url": f"http://host.invalid/{item['title_id']}/{no}.jpg",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "status": "ok",
    }
