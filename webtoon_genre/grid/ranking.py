"""Trials of a grid as a table: which failed, which is best; no files.

`trials` has a row a trial in the order of the params: backbone, unfreeze (text), units, lr, and what the trial measured.
"""

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import SharedKeys

INTEGERS = (
    "epochs",
    "best_epoch",
    "trainable_parameters",
    "val_titles",
)  # columns of trials, floats where a trial failed


class Grid(SharedKeys):
    """params.yaml: handling.grid."""

    units: list[PositiveInt] = Field(min_length=1)
    lr: list[PositiveFloat] = Field(min_length=1)


def depths(trials: pd.DataFrame) -> list[str]:
    """Each `unfreeze` of the grid, ascending."""
    return sorted(trials["unfreeze"].unique(), key=lambda layers: np.inf if layers == "all" else int(layers))


def scored(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that did not fail, with the columns and types of a grid in which none did; InputError where all failed."""
    rows = trials[trials["val_accuracy"].notna()].drop(columns="failed", errors="ignore")
    if rows.empty:
        raise InputError(
            f"all {len(trials)} trials of the grid failed, the first because {trials['failed'].iloc[0]}; lower handling.grid.lr"
        )
    return rows.astype(dict.fromkeys(INTEGERS, int))


def failed_trials(trials: pd.DataFrame) -> int:
    """The number of trials that failed."""
    return int(trials["val_accuracy"].isna().sum())


def ranked(trials: pd.DataFrame) -> pd.DataFrame:
    """The scored ones, the best first: by validation accuracy, among equals by validation loss, then in the order of the params."""
    return scored(trials).sort_values(["val_accuracy", "val_loss"], ascending=[False, True], kind="stable")
