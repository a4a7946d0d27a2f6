"""Crash safety: stages that are killed, or whose disk is full or read-only, and the run after it. docs/crash-safety.md has the table.

`make test-slow` tries each fault at some stages, `make test-all` at every stage.
"""

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages.train import learning_curves
from tests.conftest import REPOSITORY
from tests.support.crash.chain import (
    CASES,
    DISKS,
    FAULTS,
    FULL,
    KILLED,
    LEFT,
    NO_DISK,
    READ_ONLY,
    Case,
    Chain,
    Outcome,
    digests,
    disk,
    fault_parameters,
    full,
    hidden_files,
    kill_variables,
    mount,
    outputs,
    read_only,
    required_disk,
    selected_cases,
    table,
)
from tests.support.exhaustive import parameter
from tests.support.hostile_machine import FOLDER_NAME
from tests.support.pages import block
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone, committed_clone
from webtoon_genre.core.command import describe_disk_error, run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import create_memmap, replacing, replacing_folder, reserve, write_json
from webtoon_genre.crawl.journal import Journal
from webtoon_genre.data.tables import write_table
from webtoon_genre.plotting import figures

FAULTY = fault_parameters()
KILLS = FAULTY[FAULTS.index(KILLED) :: len(FAULTS)]
LOCK = "data/.raw.lock"  # of crawl; empty, and in no version
CANNOT = (
    r"journal\.sqlite cannot be written \(.+\); free some space or make it writable and run again: fetched data is kept"
)
LINES = {  # the error lines: `name` is the module's; the exit code after a kill depends on `$SHELL`
    KILLED: [
        r"^ERROR: failed to reproduce '{stage}': failed to run: python -m stages\.{name}.*, exited with (?:-9|137)$"
    ],
    FULL: [
        r"^{name}: \S+: no space left on device; free some and run again$",
        r"^{name}: \S+ cannot be written \(.+\); free some space or make it writable and run again: fetched data is kept$",
    ],
    LEFT: [
        r"^{name}: \S+: read-only file system; make it writable and run again$",
        r"^ERROR: failed to reproduce '{stage}': \[Errno 30\] Read-only file system: '[^']+'$",
    ],
    READ_ONLY: [r"^ERROR: failed to reproduce '{stage}': \[Errno 30\] Read-only file system: '[^']+'$"],
}


@pytest.fixture(scope="module")
def chain(request, pipeline_cache, tmp_path_factory) -> Iterator[Chain]:
    """A repository on small disks in which the stages of the selected tests met their faults and then succeeded."""
    folder = tmp_path_factory.mktemp("crashes") / FOLDER_NAME
    with ExitStack() as stack:
        mounted = all(stack.enter_context(disk(folder / name)) for name in DISKS)
        clone = committed_clone(pipeline_cache, folder)
        chain = Chain(clone, outputs(folder / "dvc.lock"), digests(folder))
        for case, faults in selected_cases(request.session.items):
            chain.run(case, [fault for fault in faults if mounted or fault == KILLED])
        yield chain


def outcome(chain: Chain, case: Case, fault: str) -> Outcome:
    """The run of a stage under a fault."""
    if (case.stage, fault) not in chain.faulty:
        pytest.skip(NO_DISK)
    return chain.faulty[case.stage, fault]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "fault"), FAULTY)
def test_a_faulty_run_fails_with_one_line_and_no_traceback(chain, case, fault):
    failed = outcome(chain, case, fault)
    assert failed.code != 0
    pattern = "|".join(LINES[fault]).format(stage=re.escape(case.stage), name=case.module)
    assert len(re.findall(pattern, failed.output, re.MULTILINE)) == 1, failed.output
    assert "Traceback" not in failed.output
    assert "Exception ignored" not in failed.output


@pytest.mark.slow
@pytest.mark.parametrize(("case", "fault"), FAULTY)
def test_a_faulty_run_loses_no_earlier_output(chain, case, fault):
    assert outcome(chain, case, fault).lost == []


@pytest.mark.slow
@pytest.mark.parametrize("case", [parameter((case,), case.stage, bool(case.usual)) for case in CASES])
def test_after_its_faults_a_stage_succeeds(chain, case):
    finished = chain.finished[case.stage]
    assert finished.code == 0, finished.output
    assert f"Running stage '{case.stage}':" in finished.output


@pytest.mark.slow
def test_the_end_is_byte_for_byte_that_of_an_undisturbed_run_on_this_machine(chain):
    assert digests(chain.clone.folder) == chain.undisturbed
    assert chain.clone.type("git status --porcelain") == ""  # dvc.lock, too


@pytest.mark.slow
def test_no_partial_file_remains_at_the_end(chain):
    assert set(hidden_files(chain.clone.folder)) <= {LOCK}


@pytest.mark.slow
def test_after_all_faults_a_dvc_repro_runs_nothing(chain):
    output = chain.clone.type("dvc repro")
    assert chain.clone.stages_run(output) == []
    assert "Data and pipelines are up to date." in output


@pytest.mark.slow
@pytest.mark.parametrize(("case", "fault"), KILLS)
def test_a_kill_came_during_a_write(chain, case, fault):
    path = Path(case.writes)
    assert path.with_name(f".part-{path.name}").as_posix() in "\n".join(chain.leftovers[case.stage])


@pytest.mark.slow
@pytest.mark.parametrize(("case", "fault"), [kill for kill in KILLS if kill.values[0].module == "handling"])
def test_finished_trials_of_a_killed_grid_are_stored_for_the_next_run(chain, case, fault):
    files = chain.leftovers[case.stage]
    assert [path for path in files if path.startswith(f"models/.handling/{BACKBONE}-0/")] != []


def test_the_documented_table_is_that_of_the_tests():
    page = (REPOSITORY / "docs/crash-safety.md").read_text(encoding="utf-8")
    assert block(page, "faults").strip() == table()


def test_every_stage_of_the_graph_has_a_case():
    graph = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    assert [*dict.fromkeys(case.module for case in CASES)] == [name for name in graph["stages"] if name != "check"]


# Reruns of committed stages: the earlier outputs come back.


@pytest.fixture(scope="module")
def committed(pipeline) -> Clone:
    """A repository in which every stage ran and was committed; each test restores it."""
    return pipeline()


@pytest.mark.slow
def test_outputs_that_a_killed_rerun_removed_come_back_by_checkout(committed):
    before = digests(committed.folder)
    killed = committed.run("dvc repro --force --single-item label", **kill_variables("label", "data/labels.parquet"))
    assert killed.returncode != 0
    assert not (committed.folder / "data/labels.parquet").exists()  # DVC removes a stage's outputs before it runs
    committed.type("git checkout -q . && dvc checkout -q")
    assert digests(committed.folder) == before
    assert committed.type("git status --porcelain") == ""


@pytest.mark.slow
def test_after_a_kill_of_dvc_with_its_stage_a_repro_ends_as_before(committed):
    before = digests(committed.folder)
    variables = kill_variables("split", "metrics/split.json") | {"KILLED_WITH_DVC": "1"}
    killed = committed.run("setsid --wait dvc repro --force --single-item split", **variables)
    assert killed.returncode not in (0, 255)  # 255: DVC survived and reported the stage
    assert not (committed.folder / "metrics/split.json").exists()
    committed.type("dvc repro")
    assert digests(committed.folder) == before
    assert committed.type("git status --porcelain") == ""


@pytest.mark.slow
def test_where_dvc_s_cache_is_on_a_full_disk_the_next_repro_runs_the_stage_again(committed, tmp_path):
    before = digests(committed.folder)
    with required_disk(tmp_path / "cache", "1m"):
        committed.type(f"dvc config --local cache.dir {tmp_path / 'cache'}")
        result = committed.run("dvc repro --force --single-item resize")
        assert re.search(
            r"^ERROR: failed to transfer '\w+' - \[Errno 28\] No space left on device", result.stderr, re.MULTILINE
        )
        assert result.returncode == 0  # by design of DVC; `dvc status` shows the loss
        assert re.search(r"not in cache: +data/resized", committed.type("dvc status resize"))
        assert digests(committed.folder) == before
        assert mount("-o", "remount,size=1g", str(tmp_path / "cache"))
        assert committed.stages_run(committed.type("dvc repro --single-item resize")) == ["resize"]
        shutil.rmtree(committed.folder / "data/resized")
        committed.type("dvc checkout -q data/resized")
        assert digests(committed.folder) == before
    committed.type("dvc config --local --unset cache.dir")


# Writers on a full or read-only disk: an error of one line, and no file remains.


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A folder with room for 64 KiB."""
    with required_disk(tmp_path / "small", "64k"):
        yield tmp_path / "small"


def write_arrays(target: Path) -> None:
    """Write a folder of .npy files, like resize."""
    with replacing_folder(target) as part:
        np.save(part / "1.npy", np.zeros(100_000, np.uint8))


def write_archive(target: Path) -> None:
    """Write an .npz file, like zero_center."""
    with replacing(target) as part:
        np.savez(part, mean=np.zeros(100_000, np.uint8))


def write_memory_map(target: Path) -> None:
    """Write an .npy file through a memory map, like features."""
    with replacing(target) as part:
        create_memmap(part, np.uint8, (100_000,))[:] = 1


def write_hdf5(target: Path) -> None:
    """Write weights."""
    with replacing(target) as part:
        reserve(part, 100_000)
        with h5py.File(part, "w") as file:
            file["weights"] = np.zeros(100_000, np.uint8)


def write_parquet(target: Path) -> None:
    """Write a table."""
    values = np.random.default_rng(0).integers(0, 2**60, 20_000)
    write_table(pd.DataFrame({"value": values}), pa.schema([("value", pa.int64())]), target)


def write_figure(target: Path) -> None:
    """Write a PNG or JPEG file."""
    figure = figures.new_figure(8, 8)
    figure.add_axes((0, 0, 1, 1)).imshow(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8))
    figures.save(figure, target)


def write_copies(target: Path) -> None:
    """Copy files into a folder, like train with learning curves."""
    source = target.parent.parent / "source"
    source.mkdir()
    (source / "curve.tsv").write_bytes(b"1" * 100_000)
    with replacing_folder(target) as part:
        shutil.copytree(source, part, dirs_exist_ok=True)


def write_metrics(target: Path) -> None:
    """Write JSON."""
    write_json(target, {"cells": ["x" * 1000] * 100})


WRITERS = [
    (write_arrays, "resized"),
    (write_archive, "mean.npz"),
    (write_memory_map, "features.npy"),
    (write_hdf5, "model.weights.h5"),
    (write_parquet, "labels.parquet"),
    (write_figure, "grid.png"),
    (write_figure, "sheet.jpg"),
    (write_copies, "curves"),
    (write_metrics, "metrics.json"),
]


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=[name for _, name in WRITERS])
def test_a_write_to_a_full_disk_is_one_line_and_leaves_no_file(small, write, name):
    with pytest.raises(OSError) as error:
        write(small / name)
    assert describe_disk_error(error.value) == f"{small / name}: no space left on device; free some and run again"
    assert list(small.iterdir()) == []


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=[name for _, name in WRITERS])
def test_a_write_to_a_read_only_disk_is_one_line(small, write, name):
    assert mount("-o", "remount,ro", str(small))
    with pytest.raises(OSError) as error:
        write(small / name)
    assert describe_disk_error(error.value) == f"{small / name}: read-only file system; make it writable and run again"


def test_learning_curves_on_a_full_disk_for_temporary_files_are_one_line_that_names_the_file(
    small, tmp_path, monkeypatch
):
    # DVCLive opens the git repository of its working directory and leaves files open: not those of this project
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(small))
    with pytest.raises(OSError) as error, learning_curves(tmp_path / "plots", "resnet50", 5) as log, full(small):
        log(0, {"accuracy": 0.5, "val_accuracy": 0.5})
    line = describe_disk_error(error.value)
    assert line.startswith(f"{small}/")
    assert line.endswith(": no space left on device; free some and run again")


def test_leftovers_of_a_killed_run_on_a_read_only_disk_are_one_line(small):
    (small / ".part-resized").mkdir()
    (small / ".part-resized/1.npy").touch()
    with read_only(small), pytest.raises(OSError) as error:
        write_arrays(small / "resized")
    assert describe_disk_error(error.value) == f"{small}/resized: read-only file system; make it writable and run again"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EDQUOT, "x", "data/x.npy"), "data/x.npy: disk quota exceeded; free some and run again"),
        (
            OSError(errno.EACCES, "x", "data/.part-x.npy"),
            "data/x.npy: permission denied; give this user access and run again",
        ),
        (
            OSError(errno.EPERM, "x", "a", None, "models/b"),
            "models/b: operation not permitted; give this user access and run again",
        ),
        (OSError(errno.EIO, "x"), "input/output error; check the disk and run again"),
        (FileNotFoundError(errno.ENOENT, "x", "data/x.npy"), None),
        (OSError("neither a number nor a disk"), None),
    ],
)
def test_errors_of_the_disk_are_described_and_all_others_are_bugs(error, line):
    assert describe_disk_error(error) == line


def test_a_command_on_a_full_disk_ends_with_that_line_and_exit_code_1(monkeypatch, capsys):
    def main() -> None:
        raise OSError(errno.ENOSPC, "x", "data/x.npy")

    monkeypatch.setattr("sys.argv", ["stages.resize"])
    with pytest.raises(SystemExit) as exit_error:
        run(main, "resize")
    assert exit_error.value.code == 1
    assert capsys.readouterr().err == "resize: data/x.npy: no space left on device; free some and run again\n"


def test_a_command_with_a_bug_keeps_its_traceback(monkeypatch):
    def main() -> None:
        raise FileNotFoundError("bug")

    monkeypatch.setattr("sys.argv", ["stages.resize"])
    with pytest.raises(FileNotFoundError, match="bug"):
        run(main, "resize")


@pytest.fixture(params=["closed", "killed"])
def journal_path(tmp_path, request) -> Iterator[Path]:
    """A separate disk with the journal of a crawl that ended, or was killed, after five pictures."""
    journal = Journal(tmp_path / "other/journal.sqlite", "scope")
    for no in range(5):
        journal.save_picture(7, (no, f"url/{no}"), b"picture" * 100)
    if request.param == "closed":
        journal.close()
    with required_disk(tmp_path / "disk"):
        shutil.copytree(tmp_path / "other", tmp_path / "disk", dirs_exist_ok=True)
        yield tmp_path / "disk/journal.sqlite"
    journal.close()


@pytest.mark.parametrize("state", [full, read_only], ids=[FULL, READ_ONLY])
def test_a_journal_on_a_failing_disk_keeps_fetched_data(journal_path, state):
    # a damaged journal is replaced, and a full disk is no damage
    with state(journal_path.parent), pytest.raises(InputError, match=CANNOT):
        Journal(journal_path, "another scope")
    with closing(Journal(journal_path, "scope")) as journal:
        assert len(journal.pictures(7)) == 5


def test_a_journal_on_a_disk_that_gets_full_raises_an_error_and_keeps_fetched_data(small):
    assert mount("-o", "remount,size=256k", str(small))
    with closing(Journal(small / "journal.sqlite", "scope")) as journal:
        journal.save_picture(7, (1, "url/1"), b"picture")
        with pytest.raises(InputError, match=CANNOT):
            journal.save_picture(7, (2, "url/2"), bytes(300_000))
        assert journal.pictures(7) == {(1, "url/1"): b"picture"}
