"""webtoon_genre/report/provenance.py: inputs, params and order of the stages in dvc.lock."""

import pytest
from ruamel.yaml import YAML

from webtoon_genre.core.errors import InputError
from webtoon_genre.report.provenance import maker_of, read_stages


def entry(deps: list[str], outs: list[str], **params: object) -> dict:
    """An entry of dvc.lock."""
    parts = {"deps": deps, "outs": outs}
    return {
        "cmd": "python -m stages.x",
        "params": {"params.yaml": params},
        **{key: [{"path": path, "md5": f"md5 of {path}"} for path in paths] for key, paths in parts.items()},
    }


LOCK = {
    "report": entry(["metrics"], ["report/index.html"]),
    "summary": entry(["metrics/evaluate", "metrics/crawl.json"], ["metrics/summary.json"]),
    "evaluate@b": entry(["models/b", "webtoon_genre/core"], ["metrics/evaluate/b.json", "plots/evaluate/b"]),
    "evaluate@a": entry(["models/a"], ["metrics/evaluate/a.json"]),
    "train@a": entry(["data"], ["models/a"], lr=0.1, head={"units": 8, "pool": "style"}),
    "train@b": entry(["data"], ["models/b"]),
    "crawl": entry([], ["data/raw", "metrics/crawl.json"]),
}


@pytest.fixture
def stages(tmp_path):
    with (tmp_path / "dvc.lock").open("w") as file:
        YAML().dump({"schema": "2.0", "stages": LOCK}, file)
    return read_stages(tmp_path / "dvc.lock", "report")


def test_a_stage_comes_after_those_that_it_reads_and_ties_are_by_name(stages):
    names = [stage.full_name for stage in stages]
    assert names == ["crawl", "train@a", "train@b", "evaluate@a", "evaluate@b", "summary"]


def test_inputs_are_data_alone_and_params_have_dotted_keys(stages):
    by_name = {stage.full_name: stage for stage in stages}
    assert by_name["evaluate@b"].inputs == {"models/b": "md5 of models/b"}
    assert by_name["train@a"].params == {"lr": 0.1, "head.units": 8, "head.pool": "style"}


def test_a_file_is_found_by_itself_or_in_a_folder(stages):
    assert maker_of(stages, "metrics/summary.json").full_name == "summary"
    assert maker_of(stages, "plots/evaluate/b/confusion.png").full_name == "evaluate@b"
    assert maker_of(stages, "plots/evaluate/bc.png") is None


def test_without_a_lock_the_message_says_what_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"dvc\.lock is not there; `dvc repro report` makes it$"):
        read_stages(tmp_path / "dvc.lock", "report")
