"""webtoon_genre/report/croissant.py: the file as mlcroissant reads it, and the records of the tables through it."""

import json
import logging
from pathlib import Path

import mlcroissant
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mlcroissant._src.core.context import Context, CroissantVersion
from mlcroissant._src.core.rdf import make_context

from stages import cards as stage
from tests.support.card_inputs import GENRES, write_inputs
from webtoon_genre.core import paths
from webtoon_genre.report import croissant
from webtoon_genre.report.sources import SOURCES

pytestmark = [  # mlcroissant 1.1 with rdflib 7.6 and pandas 3.1
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def results(pipeline) -> Path:
    """data/croissant.json of the tiny pipeline, among the data that it describes."""
    return pipeline().folder / paths.CROISSANT


@pytest.fixture
def write(workspace, set_params):
    """A function that writes the inputs of a source, and data/croissant.json from them; it returns the latter's content."""

    def write(source: str = "demo", labels=GENRES, shared: bool = False) -> dict:
        set_params({"crawl.source": source})
        write_inputs(list(labels), source=source, shared=shared)
        paths.CROISSANT.write_text(stage.croissant_text(stage.collect(stage.read(stage.Params))), encoding="utf-8")
        return json.loads(paths.CROISSANT.read_text(encoding="utf-8"))

    return write


def records(path: Path, kind: str) -> pd.DataFrame:
    """The records of a set as mlcroissant reads them, the set's name taken off the columns; texts come as bytes."""
    rows = list(mlcroissant.Dataset(path).records(kind))
    return pd.DataFrame([{name.partition("/")[2]: decoded(value) for name, value in row.items()} for row in rows])


def decoded(value):
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize("shared", [False, True])
def test_mlcroissant_finds_neither_error_nor_warning(write, source, shared, caplog):
    write(source, shared=shared)
    with caplog.at_level(logging.WARNING):
        metadata = mlcroissant.Dataset(paths.CROISSANT).metadata
    assert (metadata.ctx.issues.errors, metadata.ctx.issues.warnings) == (set(), set())
    assert caplog.text == ""


def test_the_context_is_that_of_croissant_1_0():
    assert make_context(Context(conforms_to=CroissantVersion.V_1_0)) == croissant.CONTEXT


def test_the_version_and_the_day_are_those_of_the_data(write):
    content = write()
    assert (content["version"], content["datePublished"]) == ("2022.8.19", "2022-08-19")
    assert "year = {2022}" in content["citeAs"]


def test_the_licence_is_that_of_the_pictures(write):
    assert write("demo")["license"] == "https://spdx.org/licenses/MIT.html"
    assert "may not be passed on" in write("naver")["license"]
    assert "owner" in write("folder")["license"]


def test_genres_are_the_labels_with_their_numbers(write):
    write("folder", ["cats", "dogs", "birds"])
    rows = records(paths.CROISSANT, "genres")
    assert dict(zip(rows["label"], rows["name"], strict=True)) == {0: "cats", 1: "dogs", 2: "birds"}


@pytest.mark.parametrize("shared", [False, True])
def test_pictures_are_read_with_their_titles_from_files_of_one_title_or_of_several(write, shared):
    write("folder", shared=shared)
    read = records(paths.CROISSANT, "shared_thumbnails" if shared else "thumbnails")
    dataset = pd.read_parquet(paths.DATASET)
    assert set(zip(read["title_id"], read["no"], strict=True)) == set(
        zip(dataset["title_id"], dataset["no"], strict=True)
    )
    assert {image.size for image in read["image"]} == {(8, 6)}


def test_records_can_be_read_twice(write):
    write()
    dataset = mlcroissant.Dataset(paths.CROISSANT)
    assert [len(list(dataset.records("images"))) for _ in range(2)] == [30, 30]


def test_a_file_that_changed_is_refused(write):
    write()
    table = pd.read_parquet(paths.DATASET)
    table.iloc[:3].to_parquet(paths.DATASET)
    with pytest.raises(mlcroissant.GenerationError) as error:
        list(mlcroissant.Dataset(paths.CROISSANT).records("images"))
    assert "is not identical with the reference" in str(error.value.__cause__)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "file"), [(croissant.SETS[file], file) for file in croissant.TABLES])
def test_records_of_a_run_are_the_rows_of_the_tables(results, kind, file):
    expected = pq.read_table(results.parent / file).to_pandas()
    read = records(results, kind)
    assert list(read.columns) == list(expected.columns)
    for name in expected.columns:
        values = [list(value) if isinstance(value, np.ndarray) else value for value in expected[name]]
        assert [same_type(value) for value in read[name]] == [same_type(value) for value in values], name


def same_type(value):
    """A value that compares equal in both readings: null as None, a day as its text, a number as float."""
    if isinstance(value, list | str | bool | np.bool_):
        return value
    if value is None or pd.isna(value):
        return None
    return float(value) if isinstance(value, int | float | np.number) else str(value)[:10]


@pytest.mark.slow
def test_thumbnails_of_a_run_are_pictures(results):
    dataset = mlcroissant.Dataset(results)
    kind = next(item.uuid for item in dataset.metadata.record_sets if item.uuid.endswith("thumbnails"))
    first = next(iter(dataset.records(kind)))
    image = np.asarray(first[f"{kind}/image"].convert("RGB"))
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert image.std() > 0
