"""A contact sheet for people: thumbnails of each genre, several titles beside one another."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from webtoon_genre.core.files import replacing
from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.census import TITLES
from webtoon_genre.demo_site.world import World

GAP, LABEL = 4, 96  # pixels


def write(target: Path, world: World, columns: int) -> None:
    """Write a PNG: one row a genre, `columns` thumbnails each."""
    image = np.concatenate([row(world, genre, columns) for genre in TITLES])
    with replacing(target) as part:
        part.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def row(world: World, genre: str, columns: int) -> np.ndarray:
    """uint8 (height, width, 3), BGR: the genre's code and its thumbnails; what is left over stays white."""
    height, width = drawing.HEIGHT + GAP, drawing.WIDTH + GAP
    image = np.full((height, LABEL + columns * width, 3), 255, np.uint8)
    cv2.putText(image, genre, (4, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    for column, thumbnail in zip(range(columns), spread(world, genre, columns), strict=False):
        left = LABEL + column * width
        image[: drawing.HEIGHT, left : left + drawing.WIDTH] = thumbnail
    return image


def spread(world: World, genre: str, count: int) -> Iterator[np.ndarray]:
    """Thumbnails of a genre, a title after another, then again from the first one's next episode."""
    titles = [title for title in world.titles.values() if title.genre == genre]
    places = ((title, slot) for slot in range(count) for title in titles if slot < title.times.out(world.as_of))
    for title, slot in (place for place, _ in zip(places, range(count), strict=False)):
        yield drawing.thumbnail(world.seed, title.key, title.painters[0].id, slot)
