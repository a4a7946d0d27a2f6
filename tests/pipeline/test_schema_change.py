"""A column of a table between stages gets another name: what the commits before and after it say of each other's data."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.tiny_pipeline import BIN, Clone
from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.store import OPTIONAL_COLUMNS, Store
from webtoon_genre.data.tables import LABELS, TITLES, read_table, write_arrow

TABLE = "data/labels.parquet"  # its column `label` becomes `place`
OLD, NEW = ["title_id", "no", "genre", "label"], ["title_id", "no", "genre", "place"]
READERS = ("validate", "zero_center", "split")
SCHEMA = 'PLACES = pa.schema([each.with_name("place") if each.name == "label" else each for each in LABELS])'
DEFINED = {"\n\n\nclass ": f"\n\nimport pyarrow as pa\n\n{SCHEMA}\n\n\nclass "}
WRITTEN = {"write_table(rows, LABELS, ": 'write_table(rows.rename(columns={"label": "place"}), PLACES, '}
READ = {"read_table(labels, LABELS)": 'read_table(labels, PLACES).rename(columns={"place": "label"})'}
REPRO = "make --old-file setup repro"  # without the set-up of .venv, which is this environment


class Revisions(Clone):
    """A repository of two revisions, tags `old` and `new`; `printed` is what `dvc repro` said in between."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.printed = ""
        self.files: dict[str, dict[str, bytes]] = {}

    def edit(self, name: str, edits: dict[str, str]) -> None:
        """Change a stage's code."""
        path = self.folder / f"stages/{name}.py"
        text = path.read_text(encoding="utf-8")
        for before, after in edits.items():
            assert before in text, f"{path} has no {before!r} any more"
            text = text.replace(before, after, 1)
        path.write_text(text, encoding="utf-8")

    def mark(self, name: str) -> None:
        """Call what is committed now by `name`, and remember the data, byte for byte."""
        self.type(f"git tag {name}")
        self.files[name] = self.made()

    def put(self, name: str) -> None:
        """Lay the table of a revision in its place, whichever code is there."""
        (self.folder / TABLE).unlink()  # it may be read-only, or linked to DVC's cache
        (self.folder / TABLE).write_bytes(self.files[name][TABLE])

    def made(self) -> dict[str, bytes]:
        """All that stages write, as it lies there."""
        paths = [
            path for folder in ("data", "models", "metrics", "plots") for path in (self.folder / folder).rglob("*")
        ]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def revisions(pipeline):
    """Both revisions, made as a person makes them: code, `dvc repro`, commit. main is at `new`."""
    both = Revisions(pipeline().folder)
    (both.folder / ".venv").symlink_to(BIN.parent)
    both.mark("old")
    both.edit("label", DEFINED | WRITTEN)
    for name in READERS:
        both.edit(name, DEFINED | READ)
    both.printed = both.type("dvc repro")
    both.type("git commit -qam 'label is called place'")
    both.mark("new")
    yield both


@pytest.fixture
def main(revisions):
    """`revisions` with the newest code, whatever a test did before; data is what a test makes of it."""
    revisions.type("git checkout -q --force main")
    return revisions


def test_the_table_has_another_column_since(revisions, tmp_path):
    for name, columns in (("old", OLD), ("new", NEW)):
        (tmp_path / name).write_bytes(revisions.files[name][TABLE])
        assert pq.read_schema(tmp_path / name).names == columns


def test_only_what_writes_or_reads_the_table_ran_for_the_change(revisions):
    assert revisions.ran(revisions.printed) == ["label", *READERS]


def test_the_old_commit_has_its_data_and_nothing_to_run_and_so_has_the_new_one(main):
    for name in ("old", "new"):
        printed = main.type(f"git checkout -q {name} && dvc checkout -q && {REPRO}")
        assert main.ran(printed) == []
        assert "Data and pipelines are up to date." in printed
        assert main.made() == main.files[name]
        assert main.type("git status --porcelain") == ""


def test_a_clone_without_a_cache_pulls_the_old_commit_s_data_and_has_nothing_to_run(main, tmp_path):
    remote = f"dvc remote add -q --local --default storage {tmp_path / 'storage'}"
    clone = Revisions(tmp_path / "clone")
    main.type(f"{remote} && dvc push -q --all-tags && rm .dvc/config.local && git clone -q . {clone.folder}")
    (clone.folder / ".venv").symlink_to(BIN.parent)
    printed = clone.type(f"{remote} && git checkout -q old && dvc pull -q && {REPRO}")
    assert clone.ran(printed) == []
    assert clone.made() == main.files["old"]


@pytest.mark.parametrize(("code", "data", "column"), [("new", "old", "place"), ("old", "new", "label")])
def test_code_that_meets_another_revision_s_table_says_which_column_it_lacks(main, code, data, column):
    main.type(f"git checkout -q {code}")
    main.put(data)
    told = main.run("python -m stages.split")
    assert (told.returncode, told.stderr) == (
        1,
        f"split: {TABLE} is not the table expected ('Field \"{column}\" does not exist in schema'); "
        "make it anew with `dvc repro`\n",
    )


def test_dvc_names_the_stage_whose_table_is_of_another_revision(main):
    main.put("old")
    told = main.type("dvc status label")
    assert told.split() == ["label:", "changed", "outs:", "modified:", TABLE]


def test_columns_that_are_there_in_addition_are_left_aside_and_types_are_cast(tmp_path):
    rows = pa.table({"title_id": [1], "no": [2], "genre": ["pure"], "label": [3], "more": ["?"]})
    pq.write_table(rows, tmp_path / "labels.parquet")
    assert read_table(tmp_path / "labels.parquet", LABELS).to_dict("records") == [
        {"title_id": 1, "no": 2, "genre": "pure", "label": 3}
    ]


def test_a_value_that_the_type_expected_cannot_hold_is_refused(tmp_path):
    pq.write_table(
        pa.table({"title_id": [1], "no": [2], "genre": ["pure"], "label": [300]}), tmp_path / "labels.parquet"
    )
    with pytest.raises(InputError, match=r"labels\.parquet is not the table expected \(.*300.*\); make it anew"):
        read_table(tmp_path / "labels.parquet", LABELS)


def test_the_crawl_takes_over_titles_from_before_a_later_column(tmp_path):
    older = pa.schema([column for column in TITLES if column.name not in OPTIONAL_COLUMNS])
    row = {
        "title_id": 1,
        "title": "t",
        "authors": ["a"],
        "genres": ["pure"],
        "star_score": 9.5,
        "adult": False,
        "source": "s",
    }
    write_arrow(pa.Table.from_pylist([row], older), tmp_path / "titles.parquet")
    assert [(title.title_id, title.finished) for title in Store(tmp_path).titles()] == [(1, None)]


def test_the_crawl_refuses_titles_whose_column_has_another_name(tmp_path):
    renamed = pa.schema([column.with_name("writers") if column.name == "authors" else column for column in TITLES])
    write_arrow(renamed.empty_table(), tmp_path / "titles.parquet")
    with pytest.raises(InputError) as error:
        Store(tmp_path).titles()
    assert "titles.parquet is not the table expected ('Field \"authors\" does not exist in schema')" in str(error.value)
