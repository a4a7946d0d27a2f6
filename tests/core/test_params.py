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
    expected = "params.yaml: resize.side is '112': input should be a valid integer"
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
