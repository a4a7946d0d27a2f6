"""Crash safety: stages that are killed, whose disk is full or read-only, and the run after it. docs/crash-safety.md has the table.

A quiet machine takes six minutes for the faults that are tried always; `CRASHES=all` tries every stage under every fault.
"""

import errno
import os
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
from tests.support.crash import chain as chains
from tests.support.crash.chain import (
    CASES,
    DISKS,
    FULL,
    KILLED,
    LEFT,
    NO_DISK,
    READ_ONLY,
    Chain,
    deadly,
    digests,
    disk,
    full,
    hidden,
    own_disk,
    read_only,
)
from ruamel.yaml import YAML

from stages.train import learning_curves
from tests.conftest import REPOSITORY
from tests.support.hostile_machine import FOLDER
from tests.support.readme_tables import block
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone, sources
from webtoon_genre.core.command import describe_disk_error, run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import create_memmap, replacing, replacing_folder, reserve, write_json
from webtoon_genre.crawl.journal import Journal
from webtoon_genre.data.tables import write_table
from webtoon_genre.plotting import figures

EVERY = os.environ.get("CRASHES") == "all"
TRIED = [pytest.param(case, each, id=f"{case.stage}-{each}") for case in CASES for each in case.faults(EVERY)]
LOCK = "data/.raw.lock"  # of crawl; empty, and no version's
CANNOT = r"journal\.sqlite cannot be written \(.+\); free some space or make it writable and run again: what was fetched is kept"
LINES = {  # what a person reads: `name` is the module's; a killed one's exit code is as `$SHELL` puts it
    KILLED: [
        r"^ERROR: failed to reproduce '{stage}': failed to run: python -m stages\.{name}.*, exited with (?:-9|137)$"
    ],
    FULL: [
        r"^{name}: \S+: no space left on device; free some and run again$",
        r"^{name}: \S+ cannot be written \(.+\); free some space or make it writable and run again: what was fetched is kept$",
    ],
    LEFT: [
        r"^{name}: \S+: read-only file system; make it writable and run again$",
        r"^ERROR: failed to reproduce '{stage}': \[Errno 30\] Read-only file system: '[^']+'$",
    ],
    READ_ONLY: [r"^ERROR: failed to reproduce '{stage}': \[Errno 30\] Read-only file system: '[^']+'$"],
}


@pytest.fixture(scope="module")
def undisturbed(pipeline) -> Path:
    """A repository in which everything ran at the first try."""
    return pipeline().folder


@pytest.fixture(scope="module")
def chain(undisturbed, tmp_path_factory) -> Iterator[Chain]:
    """Every stage disturbed, and run again, in a repository with an empty cache that writes to small disks."""
    folder = tmp_path_factory.mktemp("crashes") / FOLDER
    with ExitStack() as stack:
        clone = sources(folder)
        mounted = all(stack.enter_context(disk(folder / name)) for name in DISKS)
        lock = chains.outputs(undisturbed / "dvc.lock")
        made = Chain(clone, lock)
        by_stage = {case.stage: case for case in CASES}
        for stage in lock:
            case = by_stage[stage]
            made.run(case, case.faults(EVERY) if mounted else [KILLED], case.killed_at(EVERY), undisturbed)
        yield made


def seen(chain: Chain, case: chains.Case, fault: str) -> chains.Seen:
    """What a stage did under a fault."""
    if (case.stage, fault) not in chain.seen:
        pytest.skip(NO_DISK)
    return chain.seen[case.stage, fault]


@pytest.mark.parametrize(("case", "fault"), TRIED)
def test_a_disturbed_stage_fails_with_one_line_and_no_traceback(chain, case, fault):
    told = seen(chain, case, fault)
    assert told.code != 0
    wanted = "|".join(LINES[fault]).format(stage=re.escape(case.stage), name=case.module)
    assert len(re.findall(wanted, told.printed, re.MULTILINE)) == 1, told.printed
    assert "Traceback" not in told.printed
    assert "Exception ignored" not in told.printed


@pytest.mark.parametrize(("case", "fault"), TRIED)
def test_a_disturbed_stage_takes_nothing_that_was_made_before(chain, case, fault):
    assert seen(chain, case, fault).lost == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stage)
def test_after_its_faults_a_stage_succeeds(chain, case):
    done = chain.finished[case.stage]
    assert done.code == 0, done.printed
    assert f"Running stage '{case.stage}':" in done.printed


@pytest.mark.parametrize("name", [*DISKS, "dvc.lock"])
def test_the_end_is_byte_for_byte_that_of_an_undisturbed_run_on_this_machine(chain, undisturbed, name):
    if name == "dvc.lock":
        assert (chain.clone.folder / name).read_bytes() == (undisturbed / name).read_bytes()
    else:
        made, wanted = digests(chain.clone.folder), digests(undisturbed)
        assert {path: made[path] for path in made if path.startswith(name)} == {
            path: wanted[path] for path in wanted if path.startswith(name)
        }


def test_nothing_half_written_is_left_at_the_end(chain):
    assert hidden(chain.clone.folder) == [LOCK]


def test_after_all_a_dvc_repro_runs_nothing(chain):
    printed = chain.clone.type("dvc repro")
    assert chain.clone.ran(printed) == []
    assert "Data and pipelines are up to date." in printed


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.killed_at(EVERY) == case.writes], ids=lambda case: case.stage
)
def test_a_kill_came_while_something_was_half_written(chain, case):
    place = Path(case.writes)
    assert place.with_name(f".part-{place.name}").as_posix() in "\n".join(chain.kept[case.stage])


def test_what_a_killed_cell_of_the_grid_had_finished_is_kept_for_the_next_run(chain):
    kept = chain.kept[f"handling@{BACKBONE}-0"]
    assert [path for path in kept if path.startswith(f"models/.handling/{BACKBONE}-0/")] != []


def test_the_table_is_that_of_the_tests():
    page = (REPOSITORY / "docs/crash-safety.md").read_text(encoding="utf-8")
    assert block(page, "faults").strip() == chains.table()


def test_every_stage_of_the_graph_is_disturbed():
    graph = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    assert [*dict.fromkeys(case.module for case in CASES)] == list(graph["stages"])


# Reruns of what was committed: what was there before comes back.


@pytest.fixture(scope="module")
def committed(pipeline) -> Clone:
    """A repository in which everything ran and was committed; each test leaves it as it was."""
    return pipeline()


def test_outputs_that_a_killed_rerun_took_away_come_back_by_checkout(committed):
    before = digests(committed.folder)
    killed = committed.run("dvc repro --force --single-item label", **deadly("label", "data/labels.parquet"))
    assert killed.returncode != 0
    assert not (committed.folder / "data/labels.parquet").exists()  # DVC removes a stage's outputs before it runs
    committed.type("git checkout -q . && dvc checkout -q")
    assert digests(committed.folder) == before
    assert committed.type("git status --porcelain") == ""


def test_after_dvc_itself_was_killed_with_its_stage_a_repro_ends_as_before(committed):
    before = digests(committed.folder)
    how = deadly("split", "metrics/split.json") | {"KILLED_WITH_DVC": "1"}
    killed = committed.run("setsid --wait dvc repro --force --single-item split", **how)
    assert killed.returncode not in (0, 255)  # 255: DVC lived on to tell of the stage
    assert not (committed.folder / "metrics/split.json").exists()
    committed.type("dvc repro")
    assert digests(committed.folder) == before
    assert committed.type("git status --porcelain") == ""


def test_where_dvc_s_cache_is_on_a_full_disk_the_next_repro_runs_the_stage_again(committed, tmp_path):
    before = digests(committed.folder)
    with own_disk(tmp_path / "cache", "1m"):
        committed.type(f"dvc config --local cache.dir {tmp_path / 'cache'}")
        done = committed.run("dvc repro --force --single-item resize")
        assert re.search(
            r"^ERROR: failed to transfer '\w+' - \[Errno 28\] No space left on device", done.stderr, re.MULTILINE
        )
        assert done.returncode == 0  # DVC's own; `dvc status` tells
        assert re.search(r"not in cache: +data/resized", committed.type("dvc status resize"))
        assert digests(committed.folder) == before
        assert chains.mount("-o", "remount,size=1g", str(tmp_path / "cache"))
        assert committed.ran(committed.type("dvc repro --single-item resize")) == ["resize"]
        shutil.rmtree(committed.folder / "data/resized")
        committed.type("dvc checkout -q data/resized")
        assert digests(committed.folder) == before
    committed.type("dvc config --local --unset cache.dir")


# What writes, on a disk that is full or read-only: an error that is one line, and nothing is left.


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A folder with room for 64 KiB."""
    with own_disk(tmp_path / "small", "64k"):
        yield tmp_path / "small"


def arrays(target: Path) -> None:
    """A folder of .npy files, as resize makes."""
    with replacing_folder(target) as part:
        np.save(part / "1.npy", np.zeros(100_000, np.uint8))


def archive(target: Path) -> None:
    """.npz, as zero_center makes."""
    with replacing(target) as part:
        np.savez(part, mean=np.zeros(100_000, np.uint8))


def memory_map(target: Path) -> None:
    """A .npy file through a memory map, as features makes."""
    with replacing(target) as part:
        create_memmap(part, np.uint8, (100_000,))[:] = 1


def hdf5(target: Path) -> None:
    """Weights."""
    with replacing(target) as part:
        reserve(part, 100_000)
        with h5py.File(part, "w") as file:
            file["weights"] = np.zeros(100_000, np.uint8)


def parquet(target: Path) -> None:
    """A table."""
    values = np.random.default_rng(0).integers(0, 2**60, 20_000)
    write_table(pd.DataFrame({"value": values}), pa.schema([("value", pa.int64())]), target)


def figure(target: Path) -> None:
    """PNG or JPEG."""
    drawn = figures.new_figure(8, 8)
    drawn.add_axes((0, 0, 1, 1)).imshow(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8))
    figures.save(drawn, target)


def copied(target: Path) -> None:
    """A folder of copies, as train makes of learning curves."""
    source = target.parent.parent / "source"
    source.mkdir()
    (source / "curve.tsv").write_bytes(b"1" * 100_000)
    with replacing_folder(target) as part:
        shutil.copytree(source, part, dirs_exist_ok=True)


def metrics(target: Path) -> None:
    """JSON."""
    write_json(target, {"cells": ["x" * 1000] * 100})


WRITERS = [
    (arrays, "resized"),
    (archive, "mean.npz"),
    (memory_map, "features.npy"),
    (hdf5, "model.weights.h5"),
    (parquet, "labels.parquet"),
    (figure, "grid.png"),
    (figure, "sheet.jpg"),
    (copied, "curves"),
    (metrics, "metrics.json"),
]


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=[name for _, name in WRITERS])
def test_what_is_written_to_a_full_disk_is_one_line_and_leaves_nothing(small, write, name):
    with pytest.raises(OSError) as error:
        write(small / name)
    assert describe_disk_error(error.value) == f"{small / name}: no space left on device; free some and run again"
    assert list(small.iterdir()) == []


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=[name for _, name in WRITERS])
def test_what_is_written_to_a_read_only_disk_is_one_line(small, write, name):
    assert chains.mount("-o", "remount,ro", str(small))
    with pytest.raises(OSError) as error:
        write(small / name)
    assert describe_disk_error(error.value) == f"{small / name}: read-only file system; make it writable and run again"


def test_learning_curves_on_a_full_disk_for_temporary_files_are_one_line_that_names_it(small, tmp_path, monkeypatch):
    # DVCLive opens the git repository that it is started in, and leaves files of it open: not this project's
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(small))
    with pytest.raises(OSError) as error, learning_curves(tmp_path / "plots", "resnet50", 5) as watch, full(small):
        watch(0, {"accuracy": 0.5, "val_accuracy": 0.5})
    told = describe_disk_error(error.value)
    assert told.startswith(f"{small}/")
    assert told.endswith(": no space left on device; free some and run again")


def test_what_a_killed_run_left_on_a_read_only_disk_is_one_line(small):
    (small / ".part-resized").mkdir()
    (small / ".part-resized/1.npy").touch()
    with read_only(small), pytest.raises(OSError) as error:
        arrays(small / "resized")
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
def test_what_is_the_disk_s_fault_is_told_and_all_else_is_a_bug(error, line):
    assert describe_disk_error(error) == line


def test_a_command_that_meets_a_full_disk_ends_with_that_line_and_exit_code_1(monkeypatch, capsys):
    def main() -> None:
        raise OSError(errno.ENOSPC, "x", "data/x.npy")

    monkeypatch.setattr("sys.argv", ["stages.resize"])
    with pytest.raises(SystemExit) as ended:
        run(main, "resize")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "resize: data/x.npy: no space left on device; free some and run again\n"


def test_a_command_with_a_bug_keeps_its_traceback(monkeypatch):
    def main() -> None:
        raise FileNotFoundError("bug")

    monkeypatch.setattr("sys.argv", ["stages.resize"])
    with pytest.raises(FileNotFoundError, match="bug"):
        run(main, "resize")


@pytest.fixture(params=["closed", "killed"])
def journaled(tmp_path, request) -> Path:
    """A disk with the journal of a crawl that ended, or was killed, after five pictures."""
    journal = Journal(tmp_path / "other/journal.sqlite", "scope")
    for no in range(5):
        journal.keep_picture(7, (no, f"url/{no}"), b"picture" * 100)
    if request.param == "closed":
        journal.close()
    with own_disk(tmp_path / "disk"):
        shutil.copytree(tmp_path / "other", tmp_path / "disk", dirs_exist_ok=True)
        yield tmp_path / "disk/journal.sqlite"
    journal.close()


@pytest.mark.parametrize("state", [full, read_only], ids=[FULL, READ_ONLY])
def test_a_journal_whose_disk_fails_keeps_what_was_fetched(journaled, state):
    # one that is damaged is begun anew, and a full disk is no damage
    with state(journaled.parent), pytest.raises(InputError, match=CANNOT):
        Journal(journaled, "another scope")
    with closing(Journal(journaled, "scope")) as journal:
        assert len(journal.pictures(7)) == 5


def test_a_journal_whose_disk_gets_full_says_so_and_keeps_what_was_fetched(small):
    assert chains.mount("-o", "remount,size=256k", str(small))
    with closing(Journal(small / "journal.sqlite", "scope")) as journal:
        journal.keep_picture(7, (1, "url/1"), b"picture")
        with pytest.raises(InputError, match=CANNOT):
            journal.keep_picture(7, (2, "url/2"), bytes(300_000))
        assert journal.pictures(7) == {(1, "url/1"): b"picture"}
