"""A column of a table between stages is renamed: the code of either commit meets the data of the other."""

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
SCHEMA = 'PLACES = pa.schema([field.with_name("place") if field.name == "label" else field for field in LABELS])'
DEFINITION = {"\n\n\nclass ": f"\n\nimport pyarrow as pa\n\n{SCHEMA}\n\n\nclass "}
WRITING = {"write_table(rows, LABELS, ": 'write_table(rows.rename(columns={"label": "place"}), PLACES, '}
READING = {"read_table(paths.LABELS, LABELS)": 'read_table(paths.LABELS, PLACES).rename(columns={"place": "label"})'}
REPRO = "make --old-file setup repro"  # without the set-up: .venv is this environment


class Revisions(Clone):
    """A repository of two revisions, tags `old` and `new`; `output` is that of `dvc repro` for the second one."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.output = ""
        self.files: dict[str, dict[str, bytes]] = {}

    def edit(self, name: str, edits: dict[str, str]) -> None:
        """Edit a stage's code."""
        path = self.folder / f"stages/{name}.py"
        text = path.read_text(encoding="utf-8")
        for before, after in edits.items():
            assert before in text, f"{path} has no {before!r} any more"
            text = text.replace(before, after, 1)
        path.write_text(text, encoding="utf-8")

    def mark(self, name: str) -> None:
        """Tag the current commit, and store its products, byte for byte."""
        self.type(f"git tag {name}")
        self.files[name] = self.products()

    def place_table(self, name: str) -> None:
        """Replace the table by that of a revision, whichever code is checked out."""
        (self.folder / TABLE).unlink()  # it may be read-only, or a link to DVC's cache
        (self.folder / TABLE).write_bytes(self.files[name][TABLE])

    def products(self) -> dict[str, bytes]:
        """All files in the stages' folders."""
        paths = [
            path for folder in ("data", "models", "metrics", "plots") for path in (self.folder / folder).rglob("*")
        ]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def revisions(pipeline):
    """Both revisions, created by an edit, `dvc repro` and a commit. main is at `new`."""
    both = Revisions(pipeline().folder)
    (both.folder / ".venv").symlink_to(BIN.parent)
    both.mark("old")
    both.edit("label", DEFINITION | WRITING)
    for name in READERS:
        both.edit(name, DEFINITION | READING)
    both.output = both.type("dvc repro")
    both.type("git commit -qam 'label is called place'")
    both.mark("new")
    yield both


@pytest.fixture
def main(revisions):
    """`revisions` with the newest code checked out; the state of the data depends on earlier tests."""
    revisions.type("git checkout -q --force main")
    return revisions


@pytest.mark.slow
def test_the_revisions_have_different_columns(revisions, tmp_path):
    for name, columns in (("old", OLD), ("new", NEW)):
        (tmp_path / name).write_bytes(revisions.files[name][TABLE])
        assert pq.read_schema(tmp_path / name).names == columns


@pytest.mark.slow
def test_only_writer_and_readers_of_the_table_ran_for_the_change(revisions):
    assert revisions.stages_run(revisions.output) == [
        "label",
        *READERS,
        "report",
    ]  # the report shows the digest of its file


@pytest.mark.slow
def test_a_checkout_of_either_commit_restores_its_data_and_runs_nothing(main):
    for name in ("old", "new"):
        output = main.type(f"git checkout -q {name} && dvc checkout -q && {REPRO}")
        assert main.stages_run(output) == []
        assert "Data and pipelines are up to date." in output
        assert main.products() == main.files[name]
        assert main.type("git status --porcelain") == ""


@pytest.mark.exhaustive
def test_a_clone_without_a_cache_pulls_the_old_commit_s_data_and_runs_nothing(main, tmp_path):
    remote = f"dvc remote add -q --local --default storage {tmp_path / 'storage'}"
    clone = Revisions(tmp_path / "clone")
    main.type(f"{remote} && dvc push -q --all-tags && rm .dvc/config.local && git clone -q . {clone.folder}")
    (clone.folder / ".venv").symlink_to(BIN.parent)
    output = clone.type(f"{remote} && git checkout -q old && dvc pull -q && {REPRO}")
    assert clone.stages_run(output) == []
    assert clone.products() == main.files["old"]


@pytest.mark.slow
@pytest.mark.parametrize(("code", "data", "column"), [("new", "old", "place"), ("old", "new", "label")])
def test_code_that_meets_another_revision_s_table_names_the_missing_column(main, code, data, column):
    main.type(f"git checkout -q {code}")
    main.place_table(data)
    result = main.run("python -m stages.split")
    assert (result.returncode, result.stderr) == (
        1,
        f"split: {TABLE} is not the table expected ('Field \"{column}\" does not exist in schema'); "
        "make it anew with `dvc repro`\n",
    )


@pytest.mark.slow
def test_dvc_names_the_stage_whose_table_is_of_another_revision(main):
    main.place_table("old")
    status = main.type("dvc status label")
    assert status.split() == ["label:", "changed", "outs:", "modified:", TABLE]


def test_additional_columns_are_ignored_and_types_are_cast(tmp_path):
    rows = pa.table({"title_id": [1], "no": [2], "genre": ["pure"], "label": [3], "more": ["?"]})
    pq.write_table(rows, tmp_path / "labels.parquet")
    assert read_table(tmp_path / "labels.parquet", LABELS).to_dict("records") == [
        {"title_id": 1, "no": 2, "genre": "pure", "label": 3}
    ]


def test_a_value_outside_the_expected_type_is_refused(tmp_path):
    pq.write_table(
        pa.table({"title_id": [1], "no": [2], "genre": ["pure"], "label": [300]}), tmp_path / "labels.parquet"
    )
    with pytest.raises(InputError, match=r"labels\.parquet is not the table expected \(.*300.*\); make it anew"):
        read_table(tmp_path / "labels.parquet", LABELS)


def test_the_crawl_reads_titles_without_a_later_column(tmp_path):
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


def test_the_crawl_refuses_titles_with_a_renamed_column(tmp_path):
    renamed = pa.schema([column.with_name("writers") if column.name == "authors" else column for column in TITLES])
    write_arrow(renamed.empty_table(), tmp_path / "titles.parquet")
    with pytest.raises(InputError) as error:
        Store(tmp_path).titles()
    assert "titles.parquet is not the table expected ('Field \"authors\" does not exist in schema')" in str(error.value)
