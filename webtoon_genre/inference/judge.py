"""How much drawn pictures look like a genre: the model's probability of it, and the distance from its real titles in style space.

Two kinds of real images are beside the pictures: of held-out titles of the genre (as near as real ones are), and of held-out titles of
each other genre (what another genre looks like). The distance is that of evaluation/kernel_distance.py, from the genre's train titles.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.wording import count
from webtoon_genre.evaluation import bootstrap, temperature
from webtoon_genre.evaluation.kernel_distance import Distance, Reference, Sample
from webtoon_genre.inference.model import GenreModel, Prediction
from webtoon_genre.inference.references import ReferenceImages

FEWEST = 2  # pictures, or titles, of which a distance can be computed
SEED = 77  # of resamples
WORST = 5  # pictures that fit least, in the text


@dataclass(frozen=True)
class Score:
    """A group of images beside a genre. titles: of drawn pictures their groups, see groups_of.

    probability: the mean of the genre, calibrated; with its interval. distance: from the genre's train titles; with its interval.
    farther: how much farther than held-out titles of the genre, the resamples paired; with its interval.
    """

    name: str
    images: int
    titles: int
    probability: float
    probability_interval: list[float]
    distance: float
    distance_interval: list[float]
    farther: float
    farther_interval: list[float]


@dataclass(frozen=True)
class Judgement:
    """genre: the one asked for. others: the scores of the other genres. worst: pictures and probabilities, the lowest first."""

    genre: str
    pictures: Score
    held_out: Score
    others: list[Score]
    worst: list[tuple[str, float]]
    conclusion: str


def judge(model: GenreModel, references: ReferenceImages, predictions: Sequence[Prediction], genre: str) -> Judgement:
    """Compare pictures with a genre; InputError where the genre is unknown, or there are too few pictures or real titles."""
    check_genre(model, genre)
    if len(predictions) < FEWEST:
        raise InputError(
            f"{count(len(predictions), 'picture')} can be judged; give {FEWEST} at least, tens for a useful interval"
        )
    label = model.classes.index(genre)
    train = sample_of(references, (references.labels == label) & ~references.held_out)
    known = {name: rows_of(references, number) for number, name in enumerate(model.classes)}
    if train.size < FEWEST or genre not in (
        usable := [name for name, rows in known.items() if titles_in(references, rows) >= FEWEST]
    ):
        raise InputError(
            f"{genre} has too few real titles for a comparison: two in training and two held out are needed"
        )
    reference = Reference(train, SEED)
    calibrated = temperature.scale(references.probabilities, model.config.temperature)[:, label]
    base = reference.distance(sample_of(references, known[genre]))
    scores = {
        name: score(
            f"held-out titles of {name}", reference, base, sample_of(references, known[name]), calibrated[known[name]]
        )
        for name in usable
    }
    vectors = model.titles.standardise(np.stack([prediction.style for prediction in predictions]))
    probabilities = np.array([prediction.probabilities[genre] for prediction in predictions])
    pictures = score("the pictures", reference, base, Sample(vectors, groups_of(predictions)), probabilities)
    order = np.argsort(probabilities, kind="stable")
    others = [value for name, value in scores.items() if name != genre]
    return Judgement(
        genre=genre,
        pictures=pictures,
        held_out=scores[genre],
        others=others,
        worst=[(predictions[row].name, float(probabilities[row])) for row in order],
        conclusion=conclude(genre, pictures, others),
    )


def check_genre(model: GenreModel, genre: str) -> None:
    """Raise InputError for a genre that the model does not know."""
    if genre not in model.classes:
        raise InputError(f"--genre is {genre!r}; the model knows {', '.join(model.classes)}")


def groups_of(predictions: Sequence[Prediction]) -> np.ndarray:
    """The group of each picture, int (n,): its folder where pictures are in several folders, else the picture itself."""
    folders = [str(Path(prediction.name).parent) for prediction in predictions]
    if len(set(folders)) == 1:
        return np.arange(len(predictions))
    return np.unique(folders, return_inverse=True)[1]


def rows_of(references: ReferenceImages, label: int) -> np.ndarray:
    """The rows of held-out images of a label, bool (n,)."""
    return (references.labels == label) & references.held_out


def titles_in(references: ReferenceImages, rows: np.ndarray) -> int:
    """The number of titles in some rows, bool (n,)."""
    return len(np.unique(references.title_ids[rows]))


def sample_of(references: ReferenceImages, rows: np.ndarray) -> Sample:
    """Rows, bool (n,), as a sample grouped by titles."""
    return Sample(references.vectors[rows].astype(np.float32), references.title_ids[rows])


def score(name: str, reference: Reference, base: Distance, sample: Sample, probabilities: np.ndarray) -> Score:
    """The score of a sample; base: the distance of held-out titles of the genre. probabilities: float (n,), of the genre."""
    distance = reference.distance(sample)
    generator = np.random.default_rng(SEED)
    farther = Distance(distance.value - base.value, distance.resampled - base.resampled)
    return Score(
        name=name,
        images=len(sample.vectors),
        titles=sample.size,
        probability=float(probabilities.mean()),
        probability_interval=bootstrap.accuracy_interval(probabilities, sample.groups, generator),
        distance=distance.value,
        distance_interval=distance.interval,
        farther=farther.value,
        farther_interval=farther.interval,
    )


def conclude(genre: str, pictures: Score, others: list[Score]) -> str:
    """One sentence: whether the pictures are shown to lie farther from the genre than its held-out titles, and which genres are as far."""
    low, high = pictures.farther_interval
    change = f"{pictures.farther:+.3f} [{low:+.3f}, {high:+.3f}]"
    if not bootstrap.is_enough(pictures.titles):
        return f"too few pictures or groups of them ({pictures.titles}) to tell; {change} against held-out titles of {genre}"
    if low <= 0:
        return f"no difference from held-out titles of {genre} is shown: {change}"
    nearer = [other.name.removeprefix("held-out titles of ") for other in others if other.distance < pictures.distance]
    beside = f"; nearer than the pictures are held-out titles of {', '.join(nearer)}" if nearer else ""
    return f"the pictures lie farther from {genre} than its held-out titles do: {change}{beside}"


def as_text(judgement: Judgement) -> str:
    """The judgement for people: a line for each group of images, the nearest first, then the pictures that fit least."""
    scores = sorted([judgement.pictures, judgement.held_out, *judgement.others], key=lambda item: item.distance)
    rows = [("", "images", "groups", f"probability of {judgement.genre}", "distance")]
    for item in scores:
        low, high = item.probability_interval
        near, far = item.distance_interval
        rows.append(
            (
                item.name,
                str(item.images),
                str(item.titles),
                f"{item.probability:.3f} [{low:.3f}, {high:.3f}]",
                f"{item.distance:+.3f} [{near:+.3f}, {far:+.3f}]",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [
        "",
        f"{judgement.conclusion}.",
        "in brackets: 95% intervals, titles and groups resampled; distance: from train titles of the genre",
        "",
    ]
    lines += ["the pictures that fit least:"]
    lines += [f"  {probability:.3f}  {name}" for name, probability in judgement.worst[:WORST]]
    return "\n".join(lines)


def as_record(judgement: Judgement) -> dict[str, Any]:
    """The judgement for JSON."""
    return asdict(judgement)
