"""Predictions and similar titles as text for people, as lines of JSON and as a table in CSV."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from webtoon_genre.core.files import replacing
from webtoon_genre.inference.model import GenreModel, Prediction, Unreadable
from webtoon_genre.inference.titles import Neighbour

BAR, BAR_WIDTH = "█", 24
DECIMALS = 6


def prediction_text(prediction: Prediction, model: GenreModel, top: int | None, bars: bool) -> str:
    """A picture's name, then a line for each label, the most probable first; a last line where it is unlike the training pictures."""
    rows = list(prediction.probabilities.items())[:top]
    names = {label: model.config.names[label] for label, _ in rows}
    codes = max(len(label) for label in names)
    lines = [prediction.name]
    for label, probability in rows:
        bar = BAR * round(probability * BAR_WIDTH) if bars else ""
        name = names[label]
        others = ", ".join(dict.fromkeys(text for text in (name.en, name.ko) if text != label))
        lines.append(f"  {label:{codes}}  {probability:.3f}  {bar:{BAR_WIDTH * bars}}  {others}".rstrip())
    if prediction.unlike:
        lines.append(f"  unlike the training pictures: {describe_distance(prediction, model)}")
    return "\n".join(lines)


def describe_distance(prediction: Prediction, model: GenreModel) -> str:
    """How far a picture lies from the train titles, beside validation pictures."""
    limit = model.config.unlike_distance
    return (
        f"distance {prediction.distance:.2f} from the nearest title; 99 in 100 validation pictures: at most {limit:.2f}"
    )


def prediction_record(result: Prediction | Unreadable, top: int | None) -> dict[str, Any]:
    """One picture for JSON."""
    if isinstance(result, Unreadable):
        return {"picture": result.name, "error": result.error}
    rows = list(result.probabilities.items())[:top]
    return {
        "picture": result.name,
        "genre": result.genre,
        "probabilities": {label: round(probability, DECIMALS) for label, probability in rows},
        "distance": round(result.distance, DECIMALS),
        "unlike": result.unlike,
    }


def prediction_json(result: Prediction | Unreadable, top: int | None) -> str:
    """One picture as one line of JSON."""
    return as_json(prediction_record(result, top))


def as_json(record: Any) -> str:
    """One line of JSON."""
    return json.dumps(record, ensure_ascii=False)


def explanation_text(prediction: Prediction, labels: Sequence[str], agreement: float | None) -> str:
    """A picture's name, its labels, and how well the first one's heat map agrees with occlusion, if that was asked for."""
    text = ", ".join(f"{label} {prediction.probabilities[label]:.3f}" for label in labels)
    if agreement is None:
        return f"{prediction.name}: {text}"
    return f"{prediction.name}: {text}; heat map and occlusion of {labels[0]}: rank correlation {agreement:+.2f}"


def similar_text(name: str, neighbours: Sequence[Neighbour]) -> str:
    """A picture's name, then a line for each title, the nearest first: distance, genre, title and its number."""
    genres = max(len(neighbour.genre) for neighbour in neighbours)
    lines = [
        f"  {neighbour.distance:5.2f}  {neighbour.genre:{genres}}  {neighbour.title} ({neighbour.title_id})"
        for neighbour in neighbours
    ]
    return "\n".join([name, *lines])


def similar_json(result: Prediction | Unreadable, neighbours: Sequence[Neighbour]) -> str:
    """One picture and its titles as one line of JSON."""
    if isinstance(result, Unreadable):
        return as_json({"picture": result.name, "error": result.error})
    titles = [
        {
            "title_id": neighbour.title_id,
            "title": neighbour.title,
            "genre": neighbour.genre,
            "distance": round(neighbour.distance, DECIMALS),
        }
        for neighbour in neighbours
    ]
    return as_json({"picture": result.name, "titles": titles})


def write_csv(results: Iterable[Prediction | Unreadable], labels: list[str], path: Path) -> None:
    """Write a row a picture: name, label, distance, whether it is unlike, the probability of each label, and the error, if any."""
    columns = ["picture", "genre", "distance", "unlike", *(f"p_{label}" for label in labels), "error"]
    with replacing(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for result in results:
            record = prediction_record(result, None)
            probabilities = record.pop("probabilities", {})
            writer.writerow(record | {f"p_{label}": value for label, value in probabilities.items()})
