"""What the service answers, as models that its OpenAPI description is made of."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field

from webtoon_genre.inference.model import Prediction, Unreadable
from webtoon_genre.inference.titles import Neighbour, TitleIndex

DECIMALS = 6


class PictureAnswer(BaseModel):
    """A picture's prediction, or why it has none."""

    picture: str = Field(description="The file's name as the client gave it.")
    genre: str | None = Field(None, description="The label with the largest probability.")
    probabilities: dict[str, float] | None = Field(None, description="Calibrated, by label, the largest first.")
    distance: float | None = Field(None, description="In style, from the nearest title of the training pictures.")
    unlike: bool | None = Field(None, description="Whether 99 in 100 validation pictures are nearer.")
    error: str | None = Field(None, description="Why the picture cannot be read.")


class PredictAnswer(BaseModel):
    """Predictions in the order of the files."""

    predictions: list[PictureAnswer]


class Title(BaseModel):
    """A title near a picture. example: a small PNG as a data URL, where the source's pictures may be passed on."""

    title_id: int
    title: str
    genre: str
    distance: float
    example: str | None = None


class SimilarPicture(BaseModel):
    """The titles nearest in style to a picture, or why there are none."""

    picture: str
    titles: list[Title] = []
    error: str | None = None


class SimilarAnswer(BaseModel):
    """Similar titles in the order of the files."""

    pictures: list[SimilarPicture]


class Heat(BaseModel):
    """A picture in grey under a label's heat map, a PNG as a data URL: red speaks for the label, blue against it."""

    label: str
    probability: float
    image: str


class ExplainAnswer(BaseModel):
    """The heat maps of a picture's most probable labels."""

    picture: str
    heat: list[Heat]


class Health(BaseModel):
    """The service is up; the model that it uses."""

    status: str
    backbone: str
    classes: list[str]


class Refusal(BaseModel):
    """Why a request is refused."""

    detail: str


def picture_answer(result: Prediction | Unreadable) -> PictureAnswer:
    """The answer for one picture."""
    if isinstance(result, Unreadable):
        return PictureAnswer(picture=result.name, error=result.error)
    return PictureAnswer(
        picture=result.name,
        genre=result.genre,
        probabilities={label: round(value, DECIMALS) for label, value in result.probabilities.items()},
        distance=round(result.distance, DECIMALS),
        unlike=result.unlike,
    )


def similar_picture(
    result: Prediction | Unreadable, neighbours: Sequence[Neighbour], index: TitleIndex
) -> SimilarPicture:
    """The answer for one picture."""
    if isinstance(result, Unreadable):
        return SimilarPicture(picture=result.name, error=result.error)
    titles = [
        Title(
            title_id=neighbour.title_id,
            title=neighbour.title,
            genre=neighbour.genre,
            distance=round(neighbour.distance, DECIMALS),
            example=data_url(index.examples[neighbour.row]) if len(index.examples) else None,
        )
        for neighbour in neighbours
    ]
    return SimilarPicture(picture=result.name, titles=titles)


def data_url(image: np.ndarray) -> str:
    """uint8 (h, w, 3), RGB, as a PNG in a data URL."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
