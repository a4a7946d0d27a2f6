"""webtoon_genre/crawl/manifest.py: what a manifest says, in every form that spreadsheets write, and what is refused."""

import csv
import io
import logging
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.manifest import Row, read_manifest, read_records

MANIFEST = Path("manifest.csv")
FILES = {name: name for name in ("ink/a.jpg", "ink/b.jpg", "ink/c.jpg", "oil/d.jpg")}


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str | bytes) -> list[Row]:
    """Read a manifest that has no complaint."""
    MANIFEST.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows, complaints = read_manifest(MANIFEST, FILES)
    complaints.check()
    return rows


def cells(text: str | bytes) -> list[tuple[str, ...]]:
    """Return the cells of each row, in the order of the known columns."""
    return [tuple(row.cells.values()) for row in read(text)]


def error_message(text: str | bytes) -> str:
    """Return the error message for a manifest, which is one line, without the file's name."""
    with pytest.raises(InputError) as error:
        read(text)
    (line,) = str(error.value).splitlines()
    assert line.startswith("manifest.csv ")
    return line.removeprefix("manifest.csv ")


# Forms of text.

TEXT = "path,label,title\nink/a.jpg,로맨스,\nink/b.jpg,ink,두 줄\n"
CELLS = [("ink/a.jpg", "로맨스"), ("ink/b.jpg", "ink", "두 줄")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_make_no_difference(encoding, end):
    assert cells(TEXT.replace("\n", end).encode(encoding)) == CELLS
    assert cells(TEXT.rstrip().replace("\n", end).encode(encoding)) == CELLS


def test_both_byte_orders_of_utf16_are_read():
    for encoding in ("utf-16-le", "utf-16-be"):
        assert cells(("\ufeff" + TEXT).encode(encoding)) == CELLS


def test_a_guessed_encoding_is_logged(caplog):
    caplog.set_level(logging.INFO)
    read(TEXT)
    assert caplog.messages == []
    read(TEXT.encode("cp949"))
    assert caplog.messages == ["manifest.csv: read as cp949, since it is not UTF-8"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_make_no_difference(separator):
    assert cells(TEXT.replace(",", separator)) == CELLS


def test_other_separators_in_a_cell_are_text():
    assert cells("path;label;star_score\nink/a.jpg;a,b;9,95\n") == [("ink/a.jpg", "a,b", "9,95")]
    assert cells("path,label\nink/a.jpg,a;b;c\n") == [("ink/a.jpg", "a;b;c")]
    assert cells('"path"\t"label; or, genre"\nink/a.jpg\tx\n') == [("ink/a.jpg",)]


@pytest.mark.parametrize(
    "header",
    ["path,label,title_id", "Path,LABEL,Title_ID", " path , label ,\ttitle_id ", '"path","label","title_id"',
     "path, label, title id", "PATH,Label,Title-ID", '"path" , "label", "Title ID"', "path,label,title_id,,,"],
)  # fmt: skip
def test_columns_are_found_in_any_case_with_any_spaces(header):
    (row,) = read(f"{header}\nink/a.jpg,ink,7\n")
    assert row == Row(2, "ink/a.jpg", "ink/a.jpg", {"path": "ink/a.jpg", "label": "ink", "title_id": "7"})


def test_columns_may_be_in_any_order_beside_others():
    assert read(",note,label,path\n0,nice,ink,ink/a.jpg\n")[0].cells == {"path": "ink/a.jpg", "label": "ink"}


def test_other_columns_are_logged(caplog):
    caplog.set_level(logging.INFO)
    read(",Camera,path,subtitle\n0,leica,ink/a.jpg,x\n")
    assert caplog.messages == [
        "manifest.csv: ignored columns: camera, subtitle (known: path, label, title_id, title, author, star_score)"
    ]


def test_blank_rows_are_no_rows():
    text = '\n,,,\n\npath,label\n\n,\nink/a.jpg,ink\n  ,  \n"",""\n\nink/b.jpg,ink\n,,,,,\n,\n\n'
    assert [(row.line, row.path) for row in read(text)] == [(7, "ink/a.jpg"), (11, "ink/b.jpg")]


def test_cells_that_are_missing_at_the_end_are_empty():
    assert cells("path,label,title\nink/a.jpg\nink/b.jpg,ink\n") == [("ink/a.jpg",), ("ink/b.jpg", "ink")]


@pytest.mark.parametrize("text", ["nan", "NaN", "None", "null", "NA", "N/A", "-", "0", "false", "#N/A"])
def test_words_for_missing_values_are_text(text):
    assert cells(f"path,label,title\nink/a.jpg,{text},{text}\n") == [("ink/a.jpg", text, text)]


@pytest.mark.parametrize("label", ["19+", "a/b", "<x>", "it's", "two words", "🙂", "$b$", "%s", "{x}", "a|b", "=1+1"])
def test_a_label_has_any_character(label):
    assert cells(f"path,label\nink/a.jpg,{label}\n") == [("ink/a.jpg", label)]


@pytest.mark.parametrize(
    ("written", "text"),
    [('"Sea, the"', "Sea, the"), (' "Sea, the" ', "Sea, the"), ('"say ""hi"""', 'say "hi"'), ('12" mix', '12" mix'),
     ('say "hi" twice', 'say "hi" twice'), ("'Sea'", "'Sea'"), ('""""', '"')],
)  # fmt: skip
def test_quotes_hold_a_cell_together(written, text):
    assert cells(f"path,title,author\nink/a.jpg,{written},Ann\n") == [("ink/a.jpg", text, "Ann")]


def test_names_and_cells_are_in_nfc():
    names = {"로맨스/é.jpg": unicodedata.normalize("NFD", "로맨스/é.jpg")}
    for form in ("NFC", "NFD"):
        MANIFEST.write_text(unicodedata.normalize(form, "path,title\n로맨스/é.jpg,Größe\n"), encoding="utf-8")
        rows, _ = read_manifest(MANIFEST, names)
        assert rows == [Row(2, *next(iter(names.items())), {"path": "로맨스/é.jpg", "title": "Größe"})]


@pytest.mark.parametrize(
    "path", ["ink/a.jpg", "./ink/a.jpg", "ink\\a.jpg", ".\\ink\\a.jpg", "ink//a.jpg", "ink/./a.jpg"]
)
def test_forms_of_a_path_name_one_file(path):
    assert read(f"path\n{path}\n")[0].path == "ink/a.jpg"


def test_a_backslash_in_the_name_of_a_file_is_no_slash(monkeypatch):
    monkeypatch.setitem(FILES, "ink\\a.jpg", "ink\\a.jpg")
    assert [row.path for row in read("path\nink\\a.jpg\nink\\b.jpg\n")] == ["ink\\a.jpg", "ink/b.jpg"]


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\n\r\0"))


@settings(max_examples=50)
@given(st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_quotes_is_read_as_it_is(rows, separator):
    file = io.StringIO()
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([["path"] * 4, *rows])
    expected = [[cell.strip() for cell in row] for row in rows]
    assert [record.cells for record in read_records(file.getvalue())][1:] == [row for row in expected if any(row)]


@pytest.mark.exhaustive
def test_a_hundred_thousand_rows_are_read_in_seconds():
    text = "path,label,title\n" + "".join(f'ink/{row}.jpg,ink,"Sea, {row}"\n' for row in range(100_000))
    start = time.process_time()
    assert len(read(text)) == 100_000
    assert time.process_time() - start < 20  # of CPU; 3 on a quiet machine


# Rows of several lines.


def test_a_note_may_have_several_lines_and_a_row_is_named_by_its_first():
    text = 'path,note,label\nink/a.jpg,"one\r\ntwo, three\r\n",ink\nink/b.jpg,x,ink\n'
    assert [row.line for row in read(text)] == [2, 5]
    assert error_message(text + 'ink/c.jpg,"four\nfive",ink,9\nink/a.jpg,,\n') == (
        "line 6: 4 cells for 3 columns; put a cell with a separator in it into quotes, or delete a cell; "
        "line 8: ink/a.jpg is listed twice, first in line 2; delete one of the rows"
    )


@pytest.mark.parametrize("column", ["path", "label", "title_id", "title", "author", "star_score"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028"])
def test_a_line_break_in_a_known_column_is_refused(column, line_break):
    header = "path" if column == "path" else f"path,{column}"
    row = f'"ink/a.jpg{line_break}b"' if column == "path" else f'ink/a.jpg,"x{line_break}b"'
    assert error_message(f"{header}\nink/b.jpg\n{row}\n").startswith(f"line 3: {column} has a line break: ")


def test_a_quote_that_swallows_rows_is_refused_where_it_opens():
    lines = ["path,label,title", *(f"ink/{name}.jpg,ink,Sea" for name in "abc")]
    lines[2] = 'ink/b.jpg,ink,"Sea'
    assert error_message("\n".join([*lines, "oil/d.jpg,oil,"])) == (
        "line 3: a quote of '\"Sea' is not closed, or opens or ends in the middle; correct the quotes"
    )
    assert error_message("\n".join([*lines, 'oil/d.jpg,oil,"'])) == (
        "line 3: title has a line break: 'Sea\\nink/c.jpg,ink,Sea\\noil/d.jpg,oil,'; "
        "close its quote, or delete the line break"
    )
    assert error_message("\n".join([*lines, 'oil/d.jpg,oil,"Sky"'])) == (
        "line 3: a quote of '\"Sea' is not closed, or opens or ends in the middle; correct the quotes"
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_quote_that_swallows_rows_is_refused_in_a_column_that_is_ignored_too(separator):
    text = 'path,label,note\nink/a.jpg,ink,"nice\nink/b.jpg,ink,x\nink\\c.jpg,ink,"\noil/d.jpg,oil,\n'
    assert error_message(text.replace(",", separator)).startswith("line 2: note has a line break: 'nice\\nink/b.jpg")


@pytest.mark.parametrize("quote", ['"Sea, the', '"Sea" the', '"Sea"the"', '  "Sea', '"', '"""', '"Sea, "" the'])
def test_quotes_that_do_not_hold_a_cell_together_are_refused(quote):
    message = error_message(f"path,title,author,x\nink/a.jpg,Sky\nink/b.jpg,{quote},Ann\nink/c.jpg,Air\n")
    assert message.startswith("line 3: a quote of '\"")
    assert message.endswith("' is not closed, or opens or ends in the middle; correct the quotes")


def test_two_halves_of_a_quotation_are_refused():
    assert error_message('path,title,author\nink/a.jpg,the "Sea, the" sky\n') == (
        "line 2: a quote of 'the \"Sea' is not closed, or opens or ends in the middle; correct the quotes"
    )


def test_an_unclosed_quote_in_the_header_is_refused():
    assert error_message('path,label,"title\nink/a.jpg,ink,Sea\n') == (
        "line 1: a quote of '\"title' is not closed, or opens or ends in the middle; correct the quotes"
    )


# Columns.


@pytest.mark.parametrize(
    ("header", "names"),
    [("file,title", "file, title"), ("image;Label", "image, label"), ("x", "x"), ('"pa\nth"', "pa_th")],
)
def test_a_manifest_without_paths_is_refused(header, names):
    assert error_message(f"{header}\nink/a.jpg,Sea\n") == f"has the columns {names}; one must be path"


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", ",,\n,,\n"])
def test_an_empty_manifest_is_refused(text):
    assert error_message(text) == "has the columns (none); one must be path"


def test_a_manifest_without_rows_is_refused():
    assert error_message("path,label\n,,\n") == "has no row below its header; list the pictures, or delete the file"


@pytest.mark.parametrize("header", ["path,label,Label", "path,label, label", "path,label,title,LABEL"])
def test_a_column_that_is_there_twice_is_refused(header):
    assert error_message(f"{header}\nink/a.jpg,ink,oil\n") == "has the column label 2 times; keep one"


@pytest.mark.parametrize(
    ("name", "column"),
    [("labels", "label"), ("lable", "label"), ("titleid", "title_id"), ("Title", None), ("authors", "author"),
     ("titel", "title"), ("subtitle", None), ("camera", None), ("patch", None), ("date", None)],
)  # fmt: skip
def test_a_column_that_resembles_a_missing_one_is_refused(name, column):
    text = f"path,{name}\nink/a.jpg,ink\n"
    if column is None:
        assert len(read(text)) == 1
    else:
        assert error_message(text) == f"has the column {name} (did you mean {column}?); rename or delete it"


@pytest.mark.parametrize(
    ("header", "row", "cells"),
    [("path,label", "ink/a.jpg,ink,7", 3), ("path,label", "ink/a.jpg,ink,", 3), ("path,title,,", "ink/a.jpg,Sea, the,", 4),
     ("path", "ink/a.jpg,ink", 2)],
)  # fmt: skip
def test_a_row_with_more_cells_than_columns_is_refused(header, row, cells):
    columns = len([name for name in header.split(",") if name])
    assert error_message(f"{header}\nink/b.jpg\n{row}\n") == (
        f"line 3: {cells} cells for {columns} columns; put a cell with a separator in it into quotes, or delete a cell"
    )


# Text that is no CSV.


@pytest.mark.parametrize("data", [b"path\nink/\xff\xff.jpg\n", b"\xff\xfepat", b"path\n\xe9\n", b"\xff\xfe\x00"])
def test_other_encodings_are_refused(data):
    assert error_message(data) == ("is text in none of UTF-8, UTF-16 and cp949; save it as CSV in UTF-8")


@pytest.mark.parametrize(
    "data", [b"path\nink/a\0.jpg\n", "path\nink/a.jpg".encode("utf-16-le"), b"PK\x03\x04\0\0", "path".encode("utf-32")]
)
def test_nul_bytes_are_refused(data):
    assert error_message(data) == "has NUL bytes, so it is no CSV; save it as CSV in UTF-8"


# Complaints.


def test_all_complaints_come_at_once_in_the_order_of_lines():
    rows = ["ink/a.jpg,ink", ",oil", 'ink/b.jpg,"oil', "/ink/c.jpg,ink", "ink/a.jpg,oil", "oil/d.jpg,oil,7"]
    assert error_message("\n".join(["path,label", *rows])) == (
        "line 3: path is empty; name the picture relative to the folder; "
        "line 4: a quote of '\"oil' is not closed, or opens or ends in the middle; correct the quotes; "
        "line 5: path '/ink/c.jpg' leads out of the folder; name the picture relative to the folder; "
        "line 6: ink/a.jpg is listed twice, first in line 2; delete one of the rows; "
        "line 7: 3 cells for 2 columns; put a cell with a separator in it into quotes, or delete a cell"
    )


def test_of_many_complaints_ten_are_shown():
    message = error_message("path\n" + "../a.jpg\n" * 25)
    assert message.count("leads out of the folder") == 10
    assert message.endswith("; and 15 more")


@pytest.mark.parametrize(
    "path", ["../a.jpg", "ink/../../a.jpg", "/ink/a.jpg", "//ink/a.jpg", "C:\\ink\\a.jpg", "..\\a.jpg"]
)
def test_a_path_out_of_the_folder_is_refused(path):
    slashes = path.replace("\\", "/")
    assert error_message(f"path\n{path}\n") == (
        f"line 2: path {slashes!r} leads out of the folder; name the picture relative to the folder"
    )


def test_a_long_cell_is_shortened():
    assert len(error_message('path,title\nink/a.jpg,"' + "x" * 100_000 + "\n")) < 200
