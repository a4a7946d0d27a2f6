"""webtoon_genre/core/params.py: typed, complete, one line of error."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from tests.conftest import REPOSITORY
from webtoon_genre.core import params
from webtoon_genre.core.errors import InputError


class Resize(params.Section):
    side: int = Field(ge=1)
    interpolation: Literal["linear", "area"]


class Split(params.SharedKeys):
    seed: int


class Params(params.ParamsFile):
    lr: float
    resize: Resize
    split: Split


GOOD = "lr: 0.0001\nresize:\n  side: 112\n  interpolation: linear\nsplit:\n  seed: 77\n  by: title\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text)
    return path


def error_message(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        params.read(Params, write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_complete_params_are_read_and_keys_of_other_stages_ignored(tmp_path):
    values = params.read(Params, write(tmp_path, GOOD))
    assert values == Params(lr=0.0001, resize=Resize(side=112, interpolation="linear"), split=Split(seed=77))


@pytest.mark.parametrize("text", ["1e-5", "1e-05", "1.0e-5", "0.00001"])
def test_a_learning_rate_is_a_number_in_every_notation(tmp_path, text):
    # PyYAML (YAML 1.1) reads 1e-5 as text
    assert params.read(Params, write(tmp_path, GOOD.replace("0.0001", text))).lr == 1e-5


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sied", "resize.sied is unknown (did you mean side?); known in resize: interpolation, side"),
        ("colour", "resize.colour is unknown; known in resize: interpolation, side"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_and_all_known_ones(tmp_path, key, message):
    text = GOOD.replace("  side: 112", f"  side: 112\n  {key}: 3")
    assert error_message(tmp_path, text) == f"params.yaml: {message}"


@pytest.mark.parametrize(
    ("key", "message"), [("trian", "trian is unknown (did you mean train?)"), ("zzz", "zzz is unknown")]
)
def test_an_unknown_section_is_named_with_the_nearest_and_all_known_ones(tmp_path, key, message):
    known = sorted({path.stem for path in (REPOSITORY / "stages").glob("[!_]*.py")} | params.SHARED)
    expected = f"params.yaml: {message}; known at the top level: {', '.join(known)}"
    assert error_message(tmp_path, GOOD + f"{key}: 1\n") == expected


def test_every_top_level_key_of_the_repository_is_known():
    assert set(params.load(REPOSITORY / "params.yaml")) <= params.stage_names() | params.SHARED


def test_a_missing_key_is_named(tmp_path):
    assert error_message(tmp_path, GOOD.replace("  side: 112\n", "")) == "params.yaml: resize.side is missing; add it"


def test_an_ill_typed_value_is_shown(tmp_path):
    expected = "params.yaml: resize.side is 'abc': input should be a valid integer"
    assert error_message(tmp_path, GOOD.replace("112", "abc")) == expected


def test_a_number_in_quotes_is_no_number(tmp_path):
    expected = "params.yaml: resize.side is '112': input should be a valid integer; write it without quotes"
    assert error_message(tmp_path, GOOD.replace("112", "'112'")) == expected


def test_a_value_out_of_range_is_shown(tmp_path):
    expected = "params.yaml: resize.side is 0: input should be greater than or equal to 1"
    assert error_message(tmp_path, GOOD.replace("112", "0")) == expected


def test_all_mistakes_are_on_one_line(tmp_path):
    message = error_message(tmp_path, GOOD.replace("112", "0").replace("0.0001", "fast"))
    assert message.count("\n") == 0
    assert "lr is 'fast'" in message
    assert "resize.side is 0" in message


def test_broken_yaml_is_one_line_with_the_position(tmp_path):
    message = error_message(tmp_path, "lr: [1\nresize: {")
    assert message.startswith("params.yaml is no YAML: ")
    assert "line 2" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lr: [1\n", "line 2, column 1: while parsing a flow sequence expected ',' or ']', but got '<stream end>'"),
        ("lr:\n\tside: 1\n", "line 2, column 1: while scanning for the next token found character '\\t' that cannot start any token"),
        ("lr: 1\nlr: 2\n", 'line 2, column 1: while constructing a mapping found duplicate key "lr" with value "2" (original value: "1")'),
        ("a: {b: 1, b: 2}\n",
         'line 1, column 11: while constructing a mapping found duplicate key "b" with value "2" (original value: "1")'),
        ("lr: 'x\n", "line 2, column 1: while scanning a quoted scalar found unexpected end of stream"),
        ("lr: 1\n---\nlr: 2\n", "line 2, column 1: expected a single document in the stream but found another document"),
        ("lr: *other\n", "line 1, column 5: found undefined alias 'other'"),
        ("lr: !!python/none x\n", "line 1, column 5: could not determine a constructor for the tag 'tag:yaml.org,2002:python/none'"),
    ],
)  # fmt: skip
def test_text_that_is_no_yaml_names_line_and_column(tmp_path, text, line):
    assert error_message(tmp_path, text) == f"params.yaml is no YAML: {line}"


@pytest.mark.parametrize(
    ("data", "byte", "line"),
    [
        ("lr: 1\n# 로맨스\n".encode("cp949"), "b7", 2),
        ("lr: 1\n".encode("utf-16"), "ff", 1),
        ("lr: 1\n\n# café\n".encode("latin-1"), "e9", 3),
    ],
)
def test_a_file_in_another_encoding_names_the_first_byte(tmp_path, data, byte, line):
    (tmp_path / "params.yaml").write_bytes(data)
    with pytest.raises(InputError) as caught:
        params.read(Params, tmp_path / "params.yaml")
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        f"params.yaml is no UTF-8: byte 0x{byte} in line {line}; save it in the encoding UTF-8"
    )


def test_utf_16_without_a_byte_order_mark_is_one_line(tmp_path):
    (tmp_path / "params.yaml").write_bytes("lr: 1\n".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"params\.yaml is no YAML: unacceptable character #x0000") as caught:
        params.read(Params, tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "params.yaml").write_text(GOOD, encoding="utf-8-sig")
    assert params.read(Params, tmp_path / "params.yaml").lr == 0.0001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; restore it with `git checkout params.yaml`"),
        ("# nothing\n", "is empty; restore it with `git checkout params.yaml`"),
        ("- 1\n", "holds a list, not sections; restore it with `git checkout params.yaml`"),
        ("lr:1\n", "holds a str, not sections; restore it with `git checkout params.yaml`"),
    ],
)
def test_a_file_without_sections_is_one_line(tmp_path, text, message):
    assert error_message(tmp_path, text) == f"params.yaml {message}"


def test_a_folder_in_place_of_the_file_is_one_line(workspace):
    (workspace / "params.yaml").unlink()
    (workspace / "params.yaml").mkdir()
    with pytest.raises(InputError) as caught:
        params.read(Params)
    assert str(caught.value) == (
        "params.yaml is a folder; move it away, and restore the file with `git checkout params.yaml`"
    )


def test_a_missing_file_says_where_to_run(workspace):
    (workspace / "params.yaml").unlink()
    with pytest.raises(InputError, match=r"^params\.yaml is not in .*; run from the repository's root$"):
        params.read(Params)


def test_dvc_watches_complete_sections_shared_keys_and_no_untracked_key():
    class Train(params.Section):
        untracked = frozenset({"backbones"})
        backbones: list[str]
        epochs: int

    class Handling(params.Section):
        untracked = frozenset({"engine"})
        engine: str
        inner: Train
        rest: int

    class StageParams(params.ParamsFile):
        untracked = frozenset({"memory"})
        memory: int
        lr: float
        train: Train
        handling: Handling
        resize: Resize
        split: Split

    assert params.tracked_params(StageParams) == [
        "handling.inner.epochs",
        "handling.rest",
        "lr",
        "resize",
        "split.seed",
        "train.epochs",
    ]
