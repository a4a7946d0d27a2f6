"""The whole pipeline through DVC, tiny, in a repository of its own: what runs, what does not, and what a failure leaves."""

import json
from hashlib import md5
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone, products

BEFORE_TRAINING = ["crawl", "resize", "label", "validate", "zero_center", "split", "baseline", "pretrained", "features"]
FROM_TRAINING = [
    "train",
    "evaluate",
    "balance",
    "pairs",
    "label_limit",
    "criterion",
    "ambiguity",
    "style",
    "leakage",
    "summary",
]
GRID = ["handling", "handling", "select", "finetune"]


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


def test_every_stage_runs_once_in_the_given_order(clone, built_cache):
    assert clone.ran((products(built_cache) / "printed").read_text()) == [
        *BEFORE_TRAINING,
        "train",
        "evaluate",
        *GRID,
        *FROM_TRAINING[2:],
    ]


def test_what_is_left_out_is_counted_and_stops_nothing(clone):
    crawl = json.loads((clone.folder / "metrics/crawl.json").read_text())
    assert crawl["thumbnails"] >= 168
    assert (clone.folder / "metrics/summary.json").is_file()


def test_every_experiment_is_scored_on_the_same_images_beside_the_same_baseline(clone):
    told = {name: json.loads((clone.folder / f"metrics/{name}.json").read_text()) for name in FROM_TRAINING[2:-1]}
    assert len({each["scored_rows"] for each in told.values()}) == 1
    assert {each["backbone"] for each in told.values()} == {BACKBONE}
    plain = told["balance"]["variants"]["none"]["test"]
    assert told["label_limit"]["steps"][0]["accuracy_by_seed"] == plain["accuracy_by_seed"]
    assert told["leakage"]["splits"]["title"]["accuracy_by_seed"] == plain["accuracy_by_seed"]


def test_nothing_is_left_that_git_does_not_know(clone):
    assert clone.type("git status --porcelain") == ""


def test_a_second_run_does_nothing(clone):
    printed = clone.type("dvc repro")
    assert clone.ran(printed) == []
    assert "Data and pipelines are up to date." in printed


def test_the_summary_names_the_backbone_and_where_to_look(clone):
    printed = clone.type("python -m stages.summary show")
    assert BACKBONE in printed
    assert "majority" in printed
    assert "dvc plots show" in printed


def test_the_committed_learning_rate_as_typed_changes_nothing(clone):
    # Hydra writes 1e-4 as 0.0001, and 1e-5 as 1e-05, which YAML 1.1 readers take for text: test_experiments.py
    assert clone.ran(clone.type("dvc exp run -S lr=1e-4")) == []
    clone.type("git checkout -q . && dvc checkout -q")


def test_the_graph_is_drawn_with_every_stage(clone):
    drawn = clone.type("dvc dag")
    assert [stage for stage in BEFORE_TRAINING + FROM_TRAINING + GRID if stage not in drawn] == []


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("train.epochs=many", "train: params.yaml: train.epochs is 'many': input should be a valid integer"),
        ("+head.wings=2", "params.yaml: head.wings is unknown; known in head: dropout, pool, standardise, units"),
        ("crawl.source=folder", "data/pictures"),
    ],
)
def test_a_wrong_param_is_one_line_and_what_was_made_comes_back(clone, wrong, line):
    printed = clone.type(f"dvc exp run -S '{wrong}'", check=False)
    assert line in printed
    assert "Traceback" not in printed
    clone.type("git checkout -q . && dvc checkout -q")
    assert clone.type("git status --porcelain") == ""
    assert "Data and pipelines are up to date." in clone.type("dvc repro")


# The next data version: last, since it is committed on top of the first.


@pytest.fixture(scope="module")
def later_version(clone):
    """The next data version, committed: what was there before and what is there after, and what DVC printed."""
    raw = clone.folder / "data/raw"
    before = Version(raw, cached(clone))
    edited = (clone.folder / "params.yaml").read_text().replace("2022-08-19", "2022-12-19")
    (clone.folder / "params.yaml").write_text(edited)
    printed = clone.type("dvc repro split")
    after = Version(raw, cached(clone))
    clone.type("dvc repro --single-item summary")
    diff = json.loads(clone.type("dvc metrics diff --json"))
    clone.type("git commit -qam 'four months later'")
    yield before, after, printed, diff
    clone.type("git reset -q --hard HEAD~1 && dvc checkout -q")


class Version:
    """data/raw and what follows from it, as it is now: digests, number of pictures by title, sides, DVC's cache."""

    def __init__(self, raw: Path, cache: set[str]):
        self.cache = cache
        self.files = {path.name: md5(path.read_bytes()).hexdigest() for path in (raw / "thumbnails").iterdir()}
        rows = pq.read_table(raw / "episodes.parquet").to_pandas()
        self.pictures = rows[rows["sha256"].notna()].groupby("title_id").size().to_dict()
        self.sides = sides(raw.parent / "dataset.parquet")


def cached(clone: Clone) -> set[str]:
    """MD5 of all that is in DVC's cache."""
    objects = clone.folder / ".dvc/cache/files/md5"
    return {path.parent.name + path.name.removesuffix(".dir") for path in objects.glob("*/*")}


def test_a_later_date_crawls_again_and_moves_no_title(clone, later_version):
    before, after, printed, _ = later_version
    assert clone.ran(printed)[:3] == ["crawl", "resize", "label"]
    assert len(after.sides) > len(before.sides)
    assert {key: after.sides[key] for key in before.sides} == before.sides


def test_a_later_date_brings_new_episodes_and_new_titles(later_version):
    before, after, _, _ = later_version
    assert set(after.pictures) > set(before.pictures)
    assert sum(after.pictures[title_id] > count for title_id, count in before.pictures.items()) > 0


def test_only_changed_titles_files_are_new_in_the_cache(later_version):
    before, after, _, _ = later_version
    unchanged = {
        f"{title_id}.parquet" for title_id, count in before.pictures.items() if after.pictures[title_id] == count
    }
    assert unchanged
    assert {name for name, digest in after.files.items() if digest in before.cache} == unchanged
    assert set(after.files.values()) <= after.cache


def test_metrics_diff_shows_what_the_later_date_brought(later_version):
    before, after, _, diff = later_version
    assert list(diff) == ["metrics/summary.json"]
    told = diff["metrics/summary.json"]["data.thumbnails"]
    assert (told["old"], told["new"]) == (sum(before.pictures.values()), sum(after.pictures.values()))


def test_the_earlier_version_is_one_checkout_away(clone, later_version):
    before, after, _, _ = later_version
    clone.type("git checkout -q HEAD~1 && dvc checkout -q")
    again = Version(clone.folder / "data/raw", set())
    clone.type("git checkout -q main && dvc checkout -q")
    assert (again.files, again.sides) == (before.files, before.sides)
    assert Version(clone.folder / "data/raw", set()).files == after.files


def sides(path: Path) -> dict[tuple[int, int], str]:
    from webtoon_genre.data.tables import DATASET, read_table

    rows = read_table(path, DATASET)
    return dict(zip(zip(rows["title_id"], rows["no"], strict=True), rows["split"], strict=True))
