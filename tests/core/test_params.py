"""webtoon_genre/core/params.py: typed, complete, one line for what is wrong."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

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


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        params.read(Params, write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_complete_params_are_read_and_other_stages_keys_ignored(tmp_path):
    settings = params.read(Params, write(tmp_path, GOOD))
    assert settings == Params(lr=0.0001, resize=Resize(side=112, interpolation="linear"), split=Split(seed=77))


@pytest.mark.parametrize("written", ["1e-5", "1e-05", "1.0e-5", "0.00001"])
def test_a_learning_rate_is_a_number_however_it_is_written(tmp_path, written):
    # PyYAML (YAML 1.1) reads 1e-5 as text
    assert params.read(Params, write(tmp_path, GOOD.replace("0.0001", written))).lr == 1e-5


def test_an_unknown_key_is_named_with_those_known(tmp_path):
    text = GOOD.replace("  side: 112", "  side: 112\n  sied: 3")
    assert complaint(tmp_path, text) == "params.yaml: resize.sied is unknown; known in resize: interpolation, side"


def test_an_unknown_section_is_named(tmp_path):
    assert complaint(tmp_path, GOOD + "trian: 1\n").startswith(
        "params.yaml: trian is unknown; known at the top level: "
    )


def test_a_missing_key_is_named(tmp_path):
    assert complaint(tmp_path, GOOD.replace("  side: 112\n", "")) == "params.yaml: resize.side is missing; add it"


def test_an_ill_typed_value_is_shown(tmp_path):
    expected = "params.yaml: resize.side is 'abc': input should be a valid integer"
    assert complaint(tmp_path, GOOD.replace("112", "abc")) == expected


def test_a_number_in_quotes_is_no_number(tmp_path):
    expected = "params.yaml: resize.side is '112': input should be a valid integer"
    assert complaint(tmp_path, GOOD.replace("112", "'112'")) == expected


def test_a_value_out_of_range_is_shown(tmp_path):
    expected = "params.yaml: resize.side is 0: input should be greater than or equal to 1"
    assert complaint(tmp_path, GOOD.replace("112", "0")) == expected


def test_all_that_is_wrong_stands_on_one_line(tmp_path):
    message = complaint(tmp_path, GOOD.replace("112", "0").replace("0.0001", "fast"))
    assert message.count("\n") == 0
    assert "lr is 'fast'" in message
    assert "resize.side is 0" in message


def test_broken_yaml_is_one_line_that_tells_where(tmp_path):
    message = complaint(tmp_path, "lr: [1\nresize: {")
    assert message.startswith("params.yaml is no YAML: ")
    assert "line 2" in message
    assert "\n" not in message


def test_a_missing_file_says_where_to_run(workspace):
    (workspace / "params.yaml").unlink()
    with pytest.raises(InputError, match=r"^params\.yaml is not in .*; run from the repository's root$"):
        params.read(Params)


def test_dvc_watches_whole_sections_shared_leaves_and_no_untracked_key():
    class Own(params.Section):
        untracked = frozenset({"backbones"})
        backbones: list[str]
        epochs: int

    class Outer(params.Section):
        untracked = frozenset({"where"})
        where: str
        inner: Own
        rest: int

    class Wanted(params.ParamsFile):
        lr: float
        train: Own
        handling: Outer
        resize: Resize
        split: Split

    assert params.tracked_params(Wanted) == [
        "handling.inner.epochs",
        "handling.rest",
        "lr",
        "resize",
        "split.seed",
        "train.epochs",
    ]
