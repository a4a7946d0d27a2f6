"""Scores of one backbone's model, and figures of what it confuses.

Reads:  data/predictions/BACKBONE.parquet, data/predictions/colour_histogram.parquet, data/resized/
Writes: metrics/evaluate/BACKBONE.json ({"val": scores, "test": scores, "test_detail": calibration and more, with intervals}, and the
        difference in test accuracy from the colour histogram),
        plots/evaluate/BACKBONE/: confusion.png, genres.png, examples.png, and for `dvc plots` confusion.csv, reliability.csv; of test rows
Params: seed
"""

import logging

from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.training.prediction_figures import accuracy_title, draw
from webtoon_genre.training.predictions import accuracy_change, detail_table, read_predictions, score_table

log = logging.getLogger(__name__)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    seed: int = Field(ge=0)


def main(backbone: str) -> None:
    """Score the predictions of BACKBONE's model."""
    params = read(Params)
    table = read_predictions(paths.predictions(backbone))
    against = accuracy_change(table, read_predictions(paths.HISTOGRAM_PREDICTIONS, "baseline"), params.seed)
    scores, detail = score_table(table, params.seed), detail_table(table, params.seed)
    with replacing_folder(paths.plots("evaluate", backbone)) as folder:
        draw(table, scores["test"], detail, ThumbnailStore(paths.RESIZED), backbone, folder)
    write_json(
        paths.metrics("evaluate", backbone), {**scores, "against_colour_histogram": against, "test_detail": detail}
    )
    log.info(accuracy_title(backbone, scores["test"]))


if __name__ == "__main__":
    run(main, "evaluate")
