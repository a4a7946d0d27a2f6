"""webtoon_genre/grid/checkpoint.py: results of finished trials."""

from webtoon_genre.grid.checkpoint import Checkpoint


def test_results_are_read_exactly_as_they_were_written(tmp_path):
    checkpoint = Checkpoint(tmp_path / "work", "a")
    assert checkpoint.read("first") is None
    checkpoint.write("first", {"value": 0.1 + 0.2})
    assert Checkpoint(tmp_path / "work", "a").read("first") == {"value": 0.1 + 0.2}


def test_results_of_another_fingerprint_are_deleted(tmp_path):
    Checkpoint(tmp_path / "work", "a").write("first", 1)
    assert Checkpoint(tmp_path / "work", "b").read("first") is None
    assert Checkpoint(tmp_path / "work", "a").read("first") is None


def test_a_cleared_checkpoint_leaves_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "work", "a")
    checkpoint.write("first", 1)
    checkpoint.clear()
    assert list(tmp_path.iterdir()) == []
