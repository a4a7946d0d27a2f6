"""The tiny pipeline through DVC, in a separate repository: the stages that run, those that do not, and the state after a failure."""

import json
from hashlib import md5
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone, pipeline_products
from workflow import graph

pytestmark = pytest.mark.slow
STAGES = list(YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
BEFORE_TRAINING = STAGES[: STAGES.index("train")]
BEFORE_FEATURES = ["check", "crawl"]  # pretrained runs beside the next ones
EXPERIMENTS = graph.experiments(STAGES)
FROM_TRAINING = ["train", "evaluate", *EXPERIMENTS, "summary", "cards", "report"]
GRID = ["handling", "select", "finetune", "export"]


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


def test_every_stage_runs_once_from_check_to_the_report(clone, pipeline_cache):
    lines = (pipeline_products(pipeline_cache) / "printed").read_text().splitlines()
    stages = [line.split()[3].partition(".")[2] for line in lines if line.startswith("> python -m ")]
    assert sorted(stages) == sorted(STAGES)
    assert stages[: len(BEFORE_FEATURES)] == BEFORE_FEATURES
    assert stages[-3:] == ["summary", "cards", "report"]


def test_left_out_images_are_counted_and_stop_no_stage(clone):
    crawl = json.loads((clone.folder / "metrics/crawl.json").read_text())
    assert crawl["thumbnails"] >= 168
    assert (clone.folder / "metrics/summary.json").is_file()


def test_every_experiment_is_scored_on_the_same_images_against_the_same_baseline(clone):
    metrics = {name: json.loads((clone.folder / f"metrics/{name}.json").read_text()) for name in EXPERIMENTS}
    assert len({experiment["scored_rows"] for experiment in metrics.values()}) == 1
    assert {experiment["backbone"] for experiment in metrics.values()} == {BACKBONE}
    baseline = metrics["balance"]["variants"]["none"]["test"]
    assert metrics["label_limit"]["steps"][0]["accuracy_by_seed"] == baseline["accuracy_by_seed"]


def test_a_run_writes_no_file_that_git_neither_tracks_nor_ignores(clone):
    assert clone.type("git status --porcelain") == ""


def test_a_second_run_does_nothing(clone):
    output = clone.type("dvc repro")
    assert clone.stages_run(output) == []
    assert "Data and pipelines are up to date." in output


def test_the_summary_names_the_backbone_and_the_command_for_figures(clone):
    output = clone.type("python -m stages.summary show")
    assert BACKBONE in output
    assert "majority" in output
    assert "dvc plots show" in output


def test_the_committed_learning_rate_in_another_notation_runs_nothing(clone):
    # Hydra writes 1e-3 as 0.001, and 1e-5 as 1e-05, which YAML 1.1 readers read as text: test_experiments.py
    assert clone.stages_run(clone.type("dvc exp run -S lr=1e-3")) == []
    clone.type("git checkout -q . && dvc checkout -q")


def test_dvc_dag_shows_every_stage(clone):
    output = clone.type("dvc dag")
    assert [stage for stage in BEFORE_TRAINING + FROM_TRAINING + GRID if stage not in output] == []


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("train.epochs=many", "params.yaml: train.epochs is 'many': input should be a valid integer"),
        pytest.param(
            "+head.wings=2",
            "params.yaml: head.wings is unknown; known in head: dropout, pool, standardise, units",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param("crawl.source=folder", "data/pictures", marks=pytest.mark.exhaustive),
    ],
)
def test_a_wrong_param_is_one_line_and_the_outputs_come_back(clone, wrong, line):
    output = clone.type(f"dvc exp run -S '{wrong}'", check=False)
    assert line in output
    assert "Traceback" not in output
    clone.type("git checkout -q . && dvc checkout -q")
    assert clone.type("git status --porcelain") == ""
    assert "Data and pipelines are up to date." in clone.type("dvc repro")


# The next data version comes last, since it is committed after the first.


@pytest.fixture(scope="module")
def later_version(clone):
    """Commit the next data version; yields the versions before and after, DVC's output, and the difference of the metrics."""
    raw = clone.folder / "data/raw"
    before = Version(raw, cache_digests(clone))
    edited = (clone.folder / "params.yaml").read_text().replace("2022-08-19", "2022-10-19")
    (clone.folder / "params.yaml").write_text(edited)
    output = clone.type("dvc repro split")
    after = Version(raw, cache_digests(clone))
    clone.type("dvc repro --single-item summary")
    diff = json.loads(clone.type("dvc metrics diff --json"))
    clone.type("git commit -qam 'two months later'")
    yield before, after, output, diff
    clone.type("git reset -q --hard HEAD~1 && dvc checkout -q")


class Version:
    """The state of data/raw and the split: digests and titles of files, number of pictures by title, splits, DVC's cache."""

    def __init__(self, raw: Path, cache: set[str]):
        self.cache = cache
        self.files = {path.name: md5(path.read_bytes()).hexdigest() for path in (raw / "thumbnails").iterdir()}
        self.titles = {path.name: titles_in(path) for path in (raw / "thumbnails").iterdir()}
        rows = pq.read_table(raw / "episodes.parquet").to_pandas()
        self.pictures = rows[rows["sha256"].notna()].groupby("title_id").size().to_dict()
        self.splits = read_splits(raw.parent / "dataset.parquet")


def titles_in(path: Path) -> set[int]:
    """The titles whose pictures are in a file of data/raw/thumbnails."""
    table = pq.read_table(path)
    return set(table["title_id"].to_pylist()) if "title_id" in table.column_names else {int(path.stem)}


def cache_digests(clone: Clone) -> set[str]:
    """MD5 of all objects in DVC's cache."""
    objects = clone.folder / ".dvc/cache/files/md5"
    return {path.parent.name + path.name.removesuffix(".dir") for path in objects.glob("*/*")}


def test_a_later_date_crawls_again_and_moves_no_title(clone, later_version):
    before, after, output, _ = later_version
    assert clone.stages_run(output)[:4] == ["check", "crawl", "resize", "label"]
    assert len(after.splits) > len(before.splits)
    assert {key: after.splits[key] for key in before.splits} == before.splits


def test_a_later_date_brings_new_episodes_and_new_titles(later_version):
    before, after, _, _ = later_version
    assert set(after.pictures) > set(before.pictures)
    assert sum(after.pictures[title_id] > count for title_id, count in before.pictures.items()) > 0


def test_every_new_file_in_the_cache_has_a_changed_title(later_version):
    before, after, _, _ = later_version
    changed = {title_id for title_id, count in after.pictures.items() if before.pictures.get(title_id) != count}
    new = {name for name, digest in after.files.items() if digest not in before.cache}
    assert new
    assert {name for name in new if not after.titles[name] & changed} == set()
    assert set(after.files.values()) <= after.cache


def test_metrics_diff_shows_the_new_thumbnails(later_version):
    before, after, _, diff = later_version
    assert list(diff) == ["metrics/summary.json"]
    thumbnails = diff["metrics/summary.json"]["data.thumbnails"]
    assert (thumbnails["old"], thumbnails["new"]) == (sum(before.pictures.values()), sum(after.pictures.values()))


def test_a_checkout_restores_the_earlier_version(clone, later_version):
    before, after, _, _ = later_version
    clone.type("git checkout -q HEAD~1 && dvc checkout -q")
    restored = Version(clone.folder / "data/raw", set())
    clone.type("git checkout -q main && dvc checkout -q")
    assert (restored.files, restored.splits) == (before.files, before.splits)
    assert Version(clone.folder / "data/raw", set()).files == after.files


def read_splits(path: Path) -> dict[tuple[int, int], str]:
    """The split of each row of a dataset, by title_id and no."""
    from webtoon_genre.data.tables import DATASET, read_table

    rows = read_table(path, DATASET)
    return dict(zip(zip(rows["title_id"], rows["no"], strict=True), rows["split"], strict=True))
