"""A contact sheet for people: thumbnails of several titles of each genre, without the black bars that some scenes have."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from webtoon_genre.core.files import replacing
from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.census import TITLES
from webtoon_genre.demo_site.world import World

GAP, LABEL = 4, 96  # pixels
BLACK = 60  # brightness of a bar, at most: black or the colour of the ink
NOISE = 4  # largest difference of brightness within a bar
WIDEST_BAR = 30  # pixels; the bars of a scene are 26 high at most, more is a dark scene


def write(target: Path, world: World, columns: int) -> None:
    """Write a PNG or JPEG, by the ending: one row per genre, with `columns` thumbnails."""
    image = np.concatenate([genre_row(world, genre, columns) for genre in TITLES])
    with replacing(target) as part:
        part.write_bytes(cv2.imencode(target.suffix, image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


def genre_row(world: World, genre: str, columns: int) -> np.ndarray:
    """Return uint8 (height, width, 3), BGR: the genre's code and its thumbnails; the rest is white."""
    height, width = drawing.HEIGHT + GAP, drawing.WIDTH + GAP
    image = np.full((height, LABEL + columns * width, 3), 255, np.uint8)
    cv2.putText(image, genre, (4, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    for column, thumbnail in enumerate(sample_thumbnails(world, genre, columns)):
        left = LABEL + column * width
        image[: drawing.HEIGHT, left : left + drawing.WIDTH] = crop_bars(thumbnail)
    return image


def sample_thumbnails(world: World, genre: str, count: int) -> Iterator[np.ndarray]:
    """Yield thumbnails of a genre: the first episode of each title, then the second ones, and so on."""
    titles = [title for title in world.titles.values() if title.genre == genre]
    free_slots = {title.id: title.timetable.free_slots(world.as_of) for title in titles}
    episodes = ((title, slot) for slot in range(count) for title in titles if slot < free_slots[title.id])
    for title, slot in islice(episodes, count):
        yield drawing.thumbnail(world.seed, title.key, title.painters[0].id, slot)


def crop_bars(thumbnail: np.ndarray) -> np.ndarray:
    """Crop the black bars above and below a scene and as much at its sides, in proportion; scale to the size of the thumbnail."""
    height, width = thumbnail.shape[:2]
    brightness = thumbnail.max(axis=2).astype(int)
    top = min(bar_height(brightness), bar_height(brightness[::-1]))
    top = top if top <= WIDEST_BAR else 0
    side = round(top * width / height)
    return cv2.resize(thumbnail[top : height - top, side : width - side], (width, height), interpolation=cv2.INTER_AREA)


def bar_height(brightness: np.ndarray) -> int:
    """Return the number of leading rows in the black of the first row; effects may cover three quarters of a row."""
    black = np.quantile(brightness[0], 0.25)
    rows = np.quantile(np.abs(brightness - black), 0.25, axis=1) <= NOISE
    return int(np.argmin(rows)) if black <= BLACK else 0
