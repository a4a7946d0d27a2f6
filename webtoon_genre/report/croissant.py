"""data/croissant.json: the dataset in MLCommons Croissant 1.0, so that other tools and search engines can read it; no files.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html. Paths in it are relative to data/. Records read back through it are those
of the tables; a thumbnail becomes a picture. No field has `references`: mlcroissant 1.1.1 then reads a set of records once, and nothing
the second time.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from webtoon_genre.core.wording import count, enumerated
from webtoon_genre.data.tables import DATASET, EPISODES, SHARED, TITLES
from webtoon_genre.report.facts import Facts

PARQUET = "application/x-parquet"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TABLES = {
    "dataset.parquet": DATASET,
    "raw/titles.parquet": TITLES,
    "raw/episodes.parquet": EPISODES,
}  # paths from data/
SETS = {"dataset.parquet": "images", "raw/titles.parquet": "titles", "raw/episodes.parquet": "episodes"}  # of records
KEYS = {"images": ("title_id", "no", "genre"), "titles": ("title_id",), "episodes": ("title_id", "no")}
CONTENTS = {
    "images": "The labelled pictures: label, and split (train, val or test). A group is never in two splits, unless split.by is image.",
    "titles": "Every title of the source, with or without pictures.",
    "episodes": "Every picture that the source lists, and why it is absent where its status is not ok.",
    "thumbnails": "The pictures as served, of the titles that have a file; the file's name is the title_id.",
    "shared_thumbnails": "The pictures as served, of small titles that share files.",
    "genres": "The labels and their numbers; images/genre names them.",
    "splits": "The parts of the dataset; images/split names them.",
}
SPLITS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
DESCRIPTIONS = {
    "title_id": "The title; with no it names a picture.",
    "no": "The number of the picture in its title.",
    "genre": "The label's name.",
    "label": "The label's number.",
    "split": "train, val or test.",
    "group": "The title whose pictures are kept in one split; intervals resample it.",
    "genres": "The names of the title's labels, as the source orders them.",
    "star_score": "The readers' rating, 0 to 10.",
    "adult": "Whether the source shows the title to adults alone; its pictures are left out.",
    "source": "The source, with its version.",
    "finished": "Whether the title is complete.",
    "date": "The day of publication.",
    "sha256": "SHA-256 of the picture's bytes as served.",
    "bytes": "The size of the picture as served, in bytes.",
    "status": "ok, or the reason why there is no picture.",
    "thumbnail_url": "The address of the picture at the source.",
    "image": "The picture: JPEG, PNG, WebP or GIF.",
}
DATE = "sc:Date"
TYPES = {  # by Arrow type
    pa.int8(): "sc:Integer",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.float64(): "sc:Float",
    pa.bool_(): "sc:Boolean",
    pa.string(): "sc:Text",
    pa.date32(): DATE,
    pa.binary(): "sc:ImageObject",
}


def describe(facts: Facts, digests: Mapping[str, str], thumbnails: Iterable[str]) -> dict[str, Any]:
    """The content of data/croissant.json.

    digests: SHA-256 of the files of TABLES, by path from data/. thumbnails: names of the files in data/raw/thumbnails.
    """
    names = list(thumbnails)
    shared = any(name.startswith(SHARED) for name in names)
    single = any(not name.startswith(SHARED) for name in names)
    kinds = [kind for kind, present in (("thumbnails", single), ("shared_thumbnails", shared)) if present]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.name,
        "description": description(facts),
        "license": facts.source.licence,
        "url": facts.url,
        "version": facts.version,
        "datePublished": facts.as_of,
        "citeAs": citation(facts),
        "creator": {"@type": "sc:Organization", "name": "webtoon-genre contributors"},
        "keywords": [*facts.subject, "drawing style", "image classification", *facts.labels],
        "isLiveDataset": False,
        "distribution": [*(file_object(path, digests[path]) for path in TABLES), *map(file_set, kinds)],
        "recordSet": [
            *(table_records(path, schema) for path, schema in TABLES.items()),
            *map(thumbnail_records, kinds),
            genre_records(facts.labels),
            split_records(),
        ],
    }


def description(facts: Facts) -> str:
    """What the data are, how many, whose, and on which terms."""
    source = facts.source
    images = count(len(facts.dataset.drop_duplicates(["title_id", "no"])), source.picture)
    titles, labels = count(facts.dataset["group"].nunique(), "title"), count(len(facts.labels), source.label)
    return (
        f"{images} of {titles} in {labels} ({enumerated(facts.labels)}): {source.subject}. "
        f"{source.owners} {source.consent} {source.terms}"
    )


def citation(facts: Facts) -> str:
    """BibTeX of the dataset."""
    key, year = facts.name.replace("-", "_"), facts.as_of[:4]
    fields = f"author = {{webtoon-genre contributors}}, title = {{{facts.name}}}, version = {{{facts.version}}}, year = {{{year}}}"
    return f"@misc{{{key}, {fields}, url = {{{facts.url}}}}}"


def file_object(path: str, digest: str) -> dict[str, Any]:
    """A table; path: from data/."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": PARQUET,
        "sha256": digest,
    }


def file_set(kind: str) -> dict[str, Any]:
    """The files of thumbnails, of one title each or of several."""
    pattern = f"{SHARED}*" if kind == "shared_thumbnails" else "[0-9]*"  # mlcroissant ignores `excludes`
    return {
        "@type": "cr:FileSet",
        "@id": f"{kind}-files",
        "name": f"{kind}-files",
        "encodingFormat": PARQUET,
        "includes": f"raw/thumbnails/{pattern}.parquet",
    }


def table_records(path: str, schema: pa.Schema) -> dict[str, Any]:
    """The rows of a table."""
    kind = SETS[path]
    fields = [column_field(kind, column, {"fileObject": {"@id": path}}) for column in schema]
    return record_set(kind, fields, KEYS[kind])


def thumbnail_records(kind: str) -> dict[str, Any]:
    """The pictures; title_id is a column of shared files, and the name of the others."""
    files = {"fileSet": {"@id": f"{kind}-files"}}
    columns = {"no": pa.int32(), "image": pa.binary(), "thumbnail_url": pa.string()}
    fields = [column_field(kind, pa.field(name, dtype), files) for name, dtype in columns.items()]
    title_id = column_field(kind, pa.field("title_id", pa.int64()), files)
    if kind == "thumbnails":
        title_id["source"] |= {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^(\d+)\.parquet$"}}
    return record_set(kind, [title_id, *fields], ("title_id", "no"))


def genre_records(labels: list[str]) -> dict[str, Any]:
    """The labels as an enumeration, which is in the file itself."""
    fields = [inline_field("genres", "name", "sc:Text"), inline_field("genres", "label", "sc:Integer")]
    rows = [{"genres/name": name, "genres/label": label} for label, name in enumerate(labels)]
    return record_set("genres", fields, ("name",)) | {"dataType": "sc:Enumeration", "data": rows}


def split_records() -> dict[str, Any]:
    """The splits as Croissant names them."""
    fields = [inline_field("splits", "name", "sc:Text"), inline_field("splits", "url", "sc:URL")]
    rows = [{"splits/name": name, "splits/url": url} for name, url in SPLITS.items()]
    return record_set("splits", fields, ("name",)) | {"dataType": "cr:Split", "data": rows}


def record_set(kind: str, fields: list[dict[str, Any]], key: Iterable[str]) -> dict[str, Any]:
    """A set of records with its key."""
    return {
        "@type": "cr:RecordSet",
        "@id": kind,
        "name": kind,
        "description": CONTENTS[kind],
        "key": [{"@id": f"{kind}/{name}"} for name in key],
        "field": fields,
    }


def column_field(kind: str, column: pa.Field, files: dict[str, Any]) -> dict[str, Any]:
    """A field that is a column of Parquet files; a list of values is a repeated field."""
    repeated = pa.types.is_list(column.type)
    dtype = TYPES[column.type.value_type if repeated else column.type]
    field = inline_field(kind, column.name, "sc:URL" if column.name == "thumbnail_url" else dtype)
    field["source"] = {**files, "extract": {"column": column.name}}
    return field | ({"repeated": True} if repeated else {})


def inline_field(kind: str, name: str, dtype: str) -> dict[str, Any]:
    """A field with its type and its meaning, where the name does not say it."""
    meaning = {"description": DESCRIPTIONS[name]} if name in DESCRIPTIONS else {}
    return {"@type": "cr:Field", "@id": f"{kind}/{name}", "name": name, "dataType": dtype, **meaning}
