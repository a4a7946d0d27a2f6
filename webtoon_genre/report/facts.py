"""What the cards and the Croissant file are made from, read once by the stage; no files."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from webtoon_genre.data.tables import class_names
from webtoon_genre.inference.model_info import InferenceConfig
from webtoon_genre.report.sources import Source


@dataclass(frozen=True)
class Facts:
    """Data, model and metrics of a run.

    as_of: the data version, year-month-day. url: of the repository. weights: random, imagenet or file. split_by: title or image.
    multi_genre: as in params.yaml. metrics: by stage, the content of metrics/STAGE.json. dataset, titles, episodes: the tables of
    webtoon_genre/data/tables.py.
    """

    source: Source
    as_of: str
    url: str
    weights: str
    split_by: str
    multi_genre: str
    metrics: dict[str, Any]
    dataset: pd.DataFrame
    titles: pd.DataFrame
    episodes: pd.DataFrame
    model: InferenceConfig

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return f"webtoon-genre-{self.source.name}"

    @property
    def version(self) -> str:
        """The data version as major.minor.patch: 2022.8.19."""
        return ".".join(str(int(part)) for part in self.as_of.split("-"))

    @property
    def labels(self) -> list[str]:
        """The labels, in the order of their numbers."""
        return class_names(self.dataset)

    @property
    def subject(self) -> list[str]:
        """Tags of the subject: none of a folder's pictures but that they are drawings or photographs that the owner chose."""
        return [] if self.source.name == "folder" else ["webtoon", "comics"]
