"""bench/versions.py: both layouts have the same content, and the tables follow from the measurements; no test depends on durations."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import layouts, versions
from bench.layouts import GROWING, Size, fill, grow
from bench.project import Duration, Project
from tests.conftest import REPOSITORY
from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.store import Store

SIZE = Size(images=11, titles=3, bytes_=500)
STEPS = [
    "an empty project: `dvc status`",
    "all: `dvc commit`",
    "all: `dvc push`",
    "nothing new: `dvc status`",
    "nothing new: `dvc repro`",
    "nothing new: `dvc push`",
    "all: `dvc pull` into a fresh clone",
    "one more episode: `dvc status`",
    "one more episode: `dvc commit`",
    "one more episode: `dvc push`",
    "one more episode: `dvc pull`",
]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "bench.versions", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)


def read_files(raw: Path) -> dict[str, bytes]:
    """The content of all files below `raw`."""
    return {str(path.relative_to(raw)): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


def thumbnails(raw: Path) -> dict[tuple[int, int], bytes]:
    """Thumbnails by title and number, in either layout."""
    store = Store(raw)
    parquet = {(title, no): image for title in range(1, 4) for (no, _), image in store.pictures(title).items()}
    loose = {(int(path.parent.name), int(path.stem)): path.read_bytes() for path in raw.glob("loose/*/*.jpg")}
    assert not (parquet and loose)
    return parquet or loose


@pytest.fixture
def both(tmp_path):
    """data/raw in both layouts: the folder, the layout, the result of the crawl."""
    return [
        (tmp_path / layout.__name__, layout, fill(tmp_path / layout.__name__, layout, SIZE))
        for layout in versions.LAYOUTS
    ]


def test_both_layouts_have_the_same_thumbnails_and_tables(both):
    (titles, _, _), (loose, _, _) = both
    assert thumbnails(titles) == thumbnails(loose)
    assert len(thumbnails(titles)) == SIZE.images
    for name in ("titles.parquet", "episodes.parquet"):
        assert read_files(titles)[name] == read_files(loose)[name]


def test_one_more_episode_changes_one_title_s_file_or_adds_one_and_changes_the_table_of_episodes(both):
    changed = []
    for raw, layout, result in both:
        before = read_files(raw)
        grow(raw, layout, SIZE, result)
        changed.append({name for name, data in read_files(raw).items() if before.get(name) != data})
    number = SIZE.count(GROWING) + 1
    assert changed == [
        {"episodes.parquet", f"thumbnails/{GROWING}.parquet"},
        {"episodes.parquet", f"loose/{GROWING}/{number}.jpg"},
    ]
    assert thumbnails(both[0][0]) == thumbnails(both[1][0])


def test_titles_differ_by_one_thumbnail_at_most_and_add_up():
    counts = [SIZE.count(title) for title in range(1, 4)]
    assert (sum(counts), max(counts) - min(counts)) == (SIZE.images, 1)


def test_thumbnails_begin_like_a_jpeg_and_have_the_given_size():
    pictures = layouts.random_pictures(1, 3, 500)
    assert {(picture.image[:4], len(picture.image)) for picture in pictures} == {(b"\xff\xd8\xff\xe0", 500)}
    assert layouts.random_pictures(1, 2, 500) == pictures[:2]


def test_a_row_has_medians_and_the_ratio_of_the_seconds_with_its_range():
    titles = [Duration(1.0, 0.5), Duration(2.0, 0.75), Duration(4.0, 1.0)]
    loose = [Duration(10.0, 5.0), Duration(30.0, 6.0), Duration(20.0, 7.0)]
    assert versions.format_row("push", titles, loose) == "| push | 2.00 | 0.75 | 20.00 | 6.00 | 10.0 (5.0 to 15.0) |"
    assert versions.format_row("push", titles[:1], loose[:1]) == "| push | 1.00 | 0.50 | 10.00 | 5.00 | 10.0 |"


def test_a_clone_with_other_files_than_the_pushed_ones_is_an_error(both):
    with pytest.raises(InputError, match=r"13 files were pushed and 5 pulled; they differ in loose/1/1\.jpg"):
        versions.check_equal(both[1][0], both[0][0])


def test_a_project_that_is_not_up_to_date_is_refused(tmp_path):
    project = Project.new(tmp_path / "project", tmp_path / "remote", tmp_path / "notes")
    project.track()
    with pytest.raises(InputError, match=r"dvc status in .*/project is not up to date: crawl:"):
        project.dvc_unchanged("status")


@pytest.fixture(scope="module")
def result():
    """A run at a tiny scale."""
    return bench("--images", "60", "--titles", "4", "--bytes", "2000")


@pytest.mark.exhaustive
def test_every_step_is_measured_in_both_layouts(result):
    assert result.returncode == 0, result.stderr
    header, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in result.stdout.splitlines())
    assert {len(cells) for cells in (header, rule, *rows)} == {6}
    assert [cells[0] for cells in rows] == STEPS
    assert all(float(value) > 0 for cells in rows for value in cells[1:])


@pytest.mark.exhaustive
def test_progress_and_the_growth_of_the_remote_by_an_episode_are_logged(result):
    lines = result.stderr.splitlines()
    assert [line.split(": ")[1].split(", ")[1] for line in lines if "`dvc pull` into" in line] == ["titles", "loose"]
    assert sum("one more episode is 0." in line for line in lines) == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"rounds": 0}, "--rounds is 0; at least 1"),
        ({"images": 5}, "--images is 5; at least one a title, of which there are 700"),
    ],
)
def test_a_bad_argument_is_one_line(arguments, line):
    with pytest.raises(InputError) as error:
        versions.main(**arguments)
    assert str(error.value) == line
