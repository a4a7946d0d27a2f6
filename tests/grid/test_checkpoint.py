"""webtoon_genre/grid/checkpoint.py: finished parts of long work."""

from webtoon_genre.grid.checkpoint import Checkpoint, fingerprint


def test_what_was_kept_is_read_exactly(tmp_path):
    kept = Checkpoint(tmp_path / "work", "a")
    assert kept.read("one") is None
    kept.write("one", {"value": 0.1 + 0.2})
    assert Checkpoint(tmp_path / "work", "a").read("one") == {"value": 0.1 + 0.2}


def test_what_was_kept_under_another_fingerprint_is_forgotten(tmp_path):
    Checkpoint(tmp_path / "work", "a").write("one", 1)
    assert Checkpoint(tmp_path / "work", "b").read("one") is None
    assert Checkpoint(tmp_path / "work", "a").read("one") is None


def test_when_all_is_done_nothing_is_left(tmp_path):
    kept = Checkpoint(tmp_path / "work", "a")
    kept.write("one", 1)
    kept.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_fingerprint_is_of_settings_and_bytes(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"1")
    first = fingerprint({"epochs": 3}, [path])
    assert fingerprint({"epochs": 3}, [path]) == first
    assert fingerprint({"epochs": 4}, [path]) != first
    path.write_bytes(b"2")
    assert fingerprint({"epochs": 3}, [path]) != first
