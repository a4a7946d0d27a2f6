"""workflow/verify.py: a commit is a result, on a machine that differs in all that must not matter."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile_machine import FOLDER, ON_IT, SETTINGS
from tests.support.import_closure import REPOSITORY, closure
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from webtoon_genre.core.errors import InputError
from workflow.verify import Compared, compare, current, exact, farthest, parsed, report, upstream, verdict


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


def test_a_machine_with_other_settings_makes_the_same_bytes(clone, tmp_path):
    # of the stages after these: test_crashes.py
    folder = tmp_path / FOLDER
    folder.mkdir()
    target = f"evaluate@{BACKBONE}"
    printed = clone.type(f"{ON_IT} python -m workflow.verify validate {target}", TMPDIR=str(folder), **SETTINGS)
    assert "outputs are equal byte for byte" in printed
    assert target in printed
    assert "DIFFERENT" not in printed
    assert list(folder.iterdir()) == []


INSTRUCTIONS = """
import json, cv2, numpy, threadpoolctl
print(json.dumps({
    "numpy": numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", []),
    "openblas": sorted({each["architecture"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"}),
    "opencv": [each for each in cv2.getCPUFeaturesLine().split() if each.startswith("*AVX") and not each.endswith("?")],
}))
"""


def test_the_other_machine_s_libraries_find_an_older_processor():
    # names that a library does not know change nothing, without a word: NumPy 2.4 has AVX2 under another one
    found = subprocess.run(
        [sys.executable, "-c", INSTRUCTIONS], env={**os.environ, **SETTINGS}, capture_output=True, text=True, check=True
    )
    assert json.loads(found.stdout) == {"numpy": [], "openblas": ["Nehalem"], "opencv": []}


def test_an_output_that_was_committed_with_other_bytes_is_named(clone):
    planted(clone, "data/labels.parquet")
    result = clone.run("python -m workflow.verify label")
    clone.type("git reset -q --hard HEAD~1")
    assert result.returncode == 1
    assert "label   2 equal, DIFFERENT: data/labels.parquet" in result.stdout
    assert "verify: label is not what is committed (1 stages differ)" in result.stderr
    assert "Traceback" not in result.stderr


def planted(clone: Clone, path: str) -> None:
    """Commit a dvc.lock with another digest of an output."""
    lock = clone.folder / "dvc.lock"
    before, after = lock.read_text().split(f"    - path: {path}\n", 1)
    digest = after.split("md5: ")[1].splitlines()[0]
    lock.write_text(before + f"    - path: {path}\n" + after.replace(digest, "f" * 32, 1))
    clone.type("git commit -qam planted")


def test_what_only_an_earlier_graph_made_is_not_counted_as_equal(clone):
    lock = parsed((clone.folder / "dvc.lock").read_bytes())
    assert current(clone.folder, {**lock, f"handling@{BACKBONE}-all": {}}) == lock


def test_a_commit_that_does_not_exist_is_one_line(clone):
    result = clone.run("python -m workflow.verify --rev nowhere")
    assert result.returncode == 1
    assert result.stderr == "verify: --rev is 'nowhere': no commit of this repository; git log shows them\n"


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


def test_what_reads_outputs_of_a_network_is_told_from_what_comes_before():
    assert exact(LOCK) == ["split", "pretrained@x"]


def test_no_stage_of_this_project_that_runs_a_network_counts_as_before_it():
    runs = {Path(f"stages/lib/{name}.py") for name in ("frozen", "loop")}
    sure = exact(parsed((REPOSITORY / "dvc.lock").read_bytes()))
    assert [name for name in sure if runs & closure(Path(f"stages/{name.partition('@')[0]}.py"))] == []


def test_a_target_is_compared_with_all_that_it_is_made_from():
    assert list(upstream(LOCK, ["train"])) == ["split", "features@x", "train@x"]
    assert "evaluate@x" in upstream(LOCK, ["summary"])
    assert list(upstream(LOCK, ["split"])) == ["split"]


def test_outputs_are_compared_by_digest_and_by_name():
    rebuilt = {**LOCK, "split": {"outs": [{"path": "data/dataset.parquet", "md5": "z"}]}, "new": {"outs": []}}
    del rebuilt["train@x"]
    found = compare(LOCK, rebuilt)
    assert found["split"] == Compared([], ["data/dataset.parquet"])
    assert found["train@x"] == Compared([], ["models/x"])
    assert found["evaluate@x"] == Compared(["metrics/x.json"], [])
    assert "split         DIFFERENT: data/dataset.parquet" in report(found).splitlines()


@pytest.mark.parametrize(
    ("one", "other", "apart", "key"),
    [
        ({"a": {"b": 0.5}, "c": 1}, {"a": {"b": 0.25}, "c": 1}, 0.25, "a.b"),
        ({"a": [1, 2]}, {"a": [1, 4]}, 2, "a[1]"),
        ({"a": 1}, {"b": 1}, math.inf, ""),
        ({"a": "x"}, {"a": "y"}, math.inf, "a"),
        ({"a": [1]}, {"a": [1, 2]}, math.inf, "a"),
    ],
)
def test_metrics_are_as_far_apart_as_the_farthest_of_their_numbers(one, other, apart, key):
    assert farthest(one, other) == (apart, key)


def test_a_tolerance_is_for_what_comes_out_of_networks_alone():
    sure = exact(LOCK)
    late = {"split": Compared(["data/dataset.parquet"], []), "train@x": Compared([], ["models/x"])}
    early = {"split": Compared([], ["data/dataset.parquet"])}
    assert "within 0.05" in verdict(late, sure, (0.01, "macro_f1"), 0.05)
    with pytest.raises(InputError, match=r"macro_f1 differs by 0.060000, more than the tolerance of 0.05"):
        verdict(late, sure, (0.06, "macro_f1"), 0.05)
    with pytest.raises(InputError, match="split is not what is committed"):
        verdict(early, sure, (0.0, ""), 0.05)
    with pytest.raises(InputError, match="train@x is not what is committed"):
        verdict(late, sure, (0.0, ""), None)
