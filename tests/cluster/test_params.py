"""webtoon_genre/cluster/params.py: the params that change no result."""

from ruamel.yaml import YAML

from tests.conftest import REPOSITORY


def test_no_stage_but_the_report_runs_again_when_the_cluster_changes():
    stages = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    tracked = {name: stage.get("params", []) for name, stage in stages.items()}
    assert [name for name, keys in tracked.items() if any(key.split(".")[0] == "cluster" for key in keys)] == []
    assert [name for name, stage in stages.items() if "params.yaml" in stage["deps"]] == ["check", "report"]
