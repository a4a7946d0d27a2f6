"""Contact sheets as PNG: pictures beside similar titles or heat maps, and judged pictures; labels in Latin letters and digits."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from webtoon_genre.core.files import replacing
from webtoon_genre.inference.explain import Explanation
from webtoon_genre.inference.model import Prediction
from webtoon_genre.inference.titles import Neighbour, TitleIndex

CELL, LINE, GAP = 112, 16, 8  # pixels: a picture's side, a line of text, the margin
COLUMNS = 10
LIMIT = 500  # pictures on a sheet
FOR, AGAINST = np.array([214, 39, 40]), np.array([31, 119, 180])  # red, blue
STRONGEST = 0.85  # opacity of the largest heat


def tile(image: np.ndarray | None, lines: Sequence[str]) -> Image.Image:
    """A picture, uint8 (h, w, 3), RGB, or a grey field, above lines of text."""
    canvas = Image.new("RGB", (CELL, CELL + len(lines) * LINE), "white")
    if image is None:
        canvas.paste((230, 230, 230), (0, 0, CELL, CELL))
    else:
        canvas.paste(Image.fromarray(image).resize((CELL, CELL), Image.Resampling.LANCZOS), (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for number, line in enumerate(lines):
        draw.text((0, CELL + number * LINE), fitted(line, font), fill="black", font=font)
    return canvas


def fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, cut where it is wider than a cell; characters that the font lacks are question marks."""
    plain = text.encode("latin-1", "replace").decode("latin-1")
    if font.getlength(plain) <= CELL:
        return plain
    while plain and font.getlength(f"{plain}…") > CELL:
        plain = plain[:-1]
    return f"{plain}…"


def grid(tiles: Sequence[Image.Image], columns: int) -> Image.Image:
    """Tiles of one size in rows."""
    width, height = tiles[0].size
    rows = math.ceil(len(tiles) / columns)
    canvas = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    for number, image in enumerate(tiles):
        row, column = divmod(number, columns)
        canvas.paste(image, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return canvas


def similar_sheet(rows: Sequence[tuple[Prediction, list[Neighbour]]], index: TitleIndex) -> Image.Image:
    """A row a picture: the picture, then examples of its titles with distance and genre, the nearest first."""
    columns = 1 + max(len(neighbours) for _, neighbours in rows)
    tiles = []
    for prediction, neighbours in rows[:LIMIT]:
        cells = [tile(prediction.pixels, (Path(prediction.name).name, prediction.genre))]
        for neighbour in neighbours:
            example = index.examples[neighbour.row] if len(index.examples) else None
            cells.append(tile(example, (f"{neighbour.distance:.2f}  {neighbour.genre}", f"title {neighbour.title_id}")))
        tiles += cells + [tile(np.full((1, 1, 3), 255, np.uint8), ("", ""))] * (columns - len(cells))
    return grid(tiles, columns)


def judge_sheet(predictions: Sequence[Prediction], genre: str) -> Image.Image:
    """The pictures with their probability of a genre, the lowest first."""
    ordered = sorted(predictions, key=lambda prediction: prediction.probabilities[genre])[:LIMIT]
    tiles = [tile(item.pixels, (f"{genre} {item.probabilities[genre]:.2f}", Path(item.name).name)) for item in ordered]
    return grid(tiles, min(COLUMNS, len(tiles)))


def explanation_sheet(explanations: Sequence[Explanation]) -> Image.Image:
    """A row a picture: the picture, then the heat of each of its labels over it in grey; red speaks for the label, blue against it."""
    columns = 1 + max(len(explanation.labels) for explanation in explanations)
    tiles = []
    for explanation in explanations[:LIMIT]:
        prediction = explanation.prediction
        cells = [tile(prediction.pixels, (Path(prediction.name).name,))]
        pictures = overlay_scaled(prediction.pixels, explanation.heat)
        for label, picture in zip(explanation.labels, pictures, strict=True):
            cells.append(tile(picture, (f"{label} {prediction.probabilities[label]:.2f}",)))
        tiles += cells + [tile(np.full((1, 1, 3), 255, np.uint8), ("",))] * (columns - len(cells))
    return grid(tiles, columns)


def overlay_scaled(pixels: np.ndarray, heat: np.ndarray) -> list[np.ndarray]:
    """`overlay` of each map in float (labels, side, side), with colours that are comparable: the strongest point of all is full."""
    strongest = max(np.abs(heat).max(), np.finfo(np.float32).tiny)
    return [overlay(pixels, one / strongest) for one in heat]


def overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture in grey, uint8 (side, side, 3), under colours: red where `heat`, float (side, side) in [-1, 1], is above 0, blue below."""
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    colours = np.where(heat[..., np.newaxis] > 0, FOR, AGAINST)
    strength = np.abs(heat)[..., np.newaxis] * STRONGEST
    return np.clip(grey * (1 - strength) + colours * strength, 0, 255).astype(np.uint8)


def write_png(image: Image.Image, path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    with replacing(path) as part, part.open("wb") as file:
        image.save(file, "PNG")
