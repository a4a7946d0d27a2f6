"""webtoon_genre/core/fingerprint.py: what a stored result depends on."""

from webtoon_genre.core.fingerprint import fingerprint


def test_a_fingerprint_depends_on_params_and_bytes(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"1")
    first = fingerprint({"epochs": 3}, [path])
    assert fingerprint({"epochs": 3}, [path]) == first
    assert fingerprint({"epochs": 4}, [path]) != first
    assert fingerprint({"epochs": 3}, [path], ["numpy"]) != first
    path.write_bytes(b"2")
    assert fingerprint({"epochs": 3}, [path]) != first
