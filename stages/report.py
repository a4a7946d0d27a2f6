"""The study on one page for people: question and answer, data, preprocessing, models, experiments, and what each part was made from.

Reads:  metrics/, plots/, data/dataset.parquet, data/raw/, data/resized/, data/mean.npz, data/best_predictions.parquet, tables that
        experiments name as their `map`, and dvc.lock (the stages before this one; all data whose digests the page shows are dependencies
        of this stage, so that their entries are up to date)
Writes: report/index.html, one self-contained file; `make report` prints it as report/report.pdf
Params: params.yaml as a file, since the page shows the params of each stage

The page knows no experiment by name: every metrics file with a `question` is one (webtoon_genre/report/content.py).
"""

import logging
from datetime import date

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_text
from webtoon_genre.core.params import ParamsFile, SharedKeys, read
from webtoon_genre.report.page import Settings, render
from webtoon_genre.report.provenance import read_stages

log = logging.getLogger(__name__)


class Crawl(SharedKeys):
    """params.yaml: crawl, the key that this stage shares."""

    as_of: date | str


class Resize(SharedKeys):
    """params.yaml: resize, the key that this stage shares."""

    side: int


class Split(SharedKeys):
    """params.yaml: split, the key that this stage shares."""

    by: str


class Train(SharedKeys):
    """params.yaml: train, the key that this stage shares."""

    backbones: list[str]


class Pretrained(SharedKeys):
    """params.yaml: pretrained, the key that this stage shares."""

    weights: str


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    crawl: Crawl
    resize: Resize
    split: Split
    train: Train
    pretrained: Pretrained


def main() -> None:
    """Write the report."""
    params = read(Params)
    settings = Settings(
        weights=params.pretrained.weights,
        split_by=params.split.by,
        backbones=params.train.backbones,
        side=params.resize.side,
        as_of=str(params.crawl.as_of),
    )
    text = render(settings, read_stages(paths.LOCK, "report"))
    size = len(text.encode())
    write_text(paths.REPORT, text)
    log.info(f"{paths.REPORT}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main, "report")
