"""workflow/verify.py: a commit is a result, on a machine that differs in all that must not change a result."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.hostile_machine import ENVIRONMENT, FOLDER, FOLDER_NAME, PREFIX, environment, write
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from webtoon_genre.core.errors import InputError
from workflow.graph import import_closure
from workflow.verify import (
    Comparison,
    compare_locks,
    current_stages,
    exact_stages,
    format_report,
    judge,
    largest_difference,
    parse_lock,
    upstream_stages,
)


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


@pytest.mark.slow
def test_a_machine_with_other_settings_writes_the_same_bytes(clone, tmp_path):
    # the later stages: test_crashes.py
    folder = tmp_path / FOLDER_NAME
    folder.mkdir()
    write(clone.folder, FOLDER)
    clone.type("git add -A && git commit -qm 'configuration files'")
    command = f"{PREFIX} python -m workflow.verify validate split"
    output = clone.type(command, TMPDIR=str(folder), **environment(tmp_path / "home"))
    clone.type("git reset -q --hard HEAD~1")
    assert "outputs are equal byte for byte" in output
    assert re.search(r"^split +\d+ equal$", output, re.MULTILINE)
    assert "DIFFERENT" not in output
    assert list(folder.iterdir()) == []


INSTRUCTIONS = """
import json, cv2, numpy, threadpoolctl
print(json.dumps({
    "numpy": numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", []),
    "openblas": sorted({pool["architecture"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}),
    "opencv": [name for name in cv2.getCPUFeaturesLine().split() if name.startswith("*AVX") and not name.endswith("?")],
}))
"""


def test_on_the_other_machine_libraries_detect_an_older_processor():
    # names that a library does not know are ignored silently: NumPy 2.4 has AVX2 under another one
    result = subprocess.run(
        [sys.executable, "-c", INSTRUCTIONS],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == {"numpy": [], "openblas": ["Nehalem"], "opencv": []}


@pytest.mark.slow
def test_an_output_that_was_committed_with_other_bytes_is_named(clone):
    commit_other_digest(clone, "metrics/crawl.json")
    result = clone.run("python -m workflow.verify crawl")
    clone.type("git reset -q --hard HEAD~1")
    assert result.returncode == 1
    assert re.search(r"^crawl +1 equal, DIFFERENT: metrics/crawl\.json$", result.stdout, re.MULTILINE)
    assert "verify: crawl differs from the commit (1 stages differ)" in result.stderr
    assert "Traceback" not in result.stderr


def commit_other_digest(clone: Clone, path: str) -> None:
    """Commit a dvc.lock with another digest of an output."""
    lock = clone.folder / "dvc.lock"
    before, after = lock.read_text().split(f"    - path: {path}\n", 1)
    digest = after.split("md5: ")[1].splitlines()[0]
    lock.write_text(before + f"    - path: {path}\n" + after.replace(digest, "f" * 32, 1))
    clone.type("git commit -qam 'another digest'")


@pytest.mark.slow
def test_stages_of_an_earlier_graph_do_not_count(clone):
    lock = parse_lock((clone.folder / "dvc.lock").read_bytes())
    assert current_stages(clone.folder, {**lock, f"handling@{BACKBONE}-all": {}}) == lock


def test_a_commit_that_does_not_exist_is_one_line():
    result = Clone(REPOSITORY).run("python -m workflow.verify --rev nowhere")
    assert result.returncode == 1
    lines = result.stderr.removeprefix("verify: uncommitted changes are left out\n")
    assert lines == "verify: --rev is 'nowhere': no commit of this repository; git log shows them\n"


LOCK = {
    "split": {"outs": [{"path": "data/dataset.parquet", "md5": "a"}]},
    "features@x": {
        "deps": [{"path": "data/dataset.parquet"}],
        "outs": [{"path": "data/features/x.npy", "md5": "b"}],
    },
    "pretrained@x": {"outs": [{"path": "models/pretrained", "md5": "c"}]},
    "train@x": {"deps": [{"path": "data/features/x.npy"}], "outs": [{"path": "models/x", "md5": "d"}]},
    "evaluate@x": {"deps": [{"path": "models/x/config.json"}], "outs": [{"path": "metrics/x.json", "md5": "e"}]},
    "style": {"deps": [{"path": "models/pretrained"}], "outs": [{"path": "metrics/style.json", "md5": "g"}]},
    "summary": {"deps": [{"path": "metrics"}], "outs": [{"path": "plots/summary.png", "md5": "f"}]},
}


def test_stages_that_depend_on_a_network_are_distinguished_from_earlier_ones():
    assert exact_stages(LOCK) == ["split", "pretrained@x"]


def test_no_stage_of_this_project_that_runs_a_network_counts_as_exact(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    networks = {Path(f"webtoon_genre/{name}.py") for name in ("features/extraction", "training/loop")}
    assert all(path.is_file() for path in networks)
    exact = exact_stages(parse_lock(Path("dvc.lock").read_bytes()))
    assert [
        name
        for name in exact
        if name != "check" and networks & import_closure(Path(f"stages/{name.partition('@')[0]}.py"))
    ] == []


def test_a_target_is_compared_with_all_stages_that_it_needs():
    assert list(upstream_stages(LOCK, ["train"])) == ["split", "features@x", "train@x"]
    assert "evaluate@x" in upstream_stages(LOCK, ["summary"])
    assert list(upstream_stages(LOCK, ["split"])) == ["split"]


def test_outputs_are_compared_by_digest_and_by_name():
    rebuilt = {**LOCK, "split": {"outs": [{"path": "data/dataset.parquet", "md5": "z"}]}, "new": {"outs": []}}
    del rebuilt["train@x"]
    comparisons = compare_locks(LOCK, rebuilt)
    assert comparisons["split"] == Comparison([], ["data/dataset.parquet"])
    assert comparisons["train@x"] == Comparison([], ["models/x"])
    assert comparisons["evaluate@x"] == Comparison(["metrics/x.json"], [])
    assert "split         DIFFERENT: data/dataset.parquet" in format_report(comparisons).splitlines()


@pytest.mark.parametrize(
    ("committed", "rebuilt", "distance", "key"),
    [
        ({"a": {"b": 0.5}, "c": 1}, {"a": {"b": 0.25}, "c": 1}, 0.25, "a.b"),
        ({"a": [1, 2]}, {"a": [1, 4]}, 2, "a[1]"),
        ({"a": 1}, {"b": 1}, math.inf, ""),
        ({"a": "x"}, {"a": "y"}, math.inf, "a"),
        ({"a": "[-0.25, +0.5], 6 titles"}, {"a": "[-0.5, +0.5], 6 titles"}, 0.25, "a[0]"),
        ({"a": "[0.25, 0.5], 6 titles"}, {"a": "[0.25, 0.5], 6 images"}, math.inf, "a"),
        ({"a": [1]}, {"a": [1, 2]}, math.inf, "a"),
    ],
)
def test_the_difference_of_metrics_is_that_of_their_most_different_numbers(committed, rebuilt, distance, key):
    assert largest_difference(committed, rebuilt) == (distance, key)


def test_a_tolerance_applies_only_to_stages_after_a_network():
    exact = exact_stages(LOCK)
    late = {"split": Comparison(["data/dataset.parquet"], []), "train@x": Comparison([], ["models/x"])}
    early = {"split": Comparison([], ["data/dataset.parquet"])}
    assert "within 0.05" in judge(late, exact, (0.01, "macro_f1"), 0.05)
    with pytest.raises(InputError, match=r"macro_f1 differs by 0.060000, more than the tolerance of 0.05"):
        judge(late, exact, (0.06, "macro_f1"), 0.05)
    with pytest.raises(InputError, match="split differs from the commit"):
        judge(early, exact, (0.0, ""), 0.05)
    with pytest.raises(InputError, match="train@x differs from the commit"):
        judge(late, exact, (0.0, ""), None)
