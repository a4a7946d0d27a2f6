"""webtoon_genre/inference/titles.py: distances in style space, titles.npz."""

import numpy as np
import pytest

from tests.support.tiny_model import titles
from webtoon_genre.core.errors import InputError
from webtoon_genre.inference.archives import save_archive
from webtoon_genre.inference.titles import load_titles, pairwise_distances


def test_distances_are_those_of_all_pairs_divided_by_the_root_of_the_width():
    generator = np.random.default_rng(1)
    points, others = generator.normal(size=(5, 12)), generator.normal(size=(7, 12))
    expected = np.linalg.norm(points[:, None] - others, axis=2) / np.sqrt(12)
    np.testing.assert_allclose(pairwise_distances(points, others), expected, rtol=1e-5)


def test_independent_vectors_are_about_1_4_apart():
    points = np.random.default_rng(1).normal(size=(50, 2000)).astype(np.float32)
    distances = pairwise_distances(points, points)
    assert np.abs(distances[~np.eye(50, dtype=bool)] - np.sqrt(2)).max() < 0.1
    assert distances.diagonal().max() < 1e-2


def test_a_feature_that_never_varies_counts_nothing():
    index = titles()
    index.deviation[1] = 0
    style = np.array([[200, 5, 40], [200, 250, 40]], np.float32)
    standardised = index.standardise(style)
    assert (standardised[:, 1] == 0).all()
    np.testing.assert_array_equal(standardised[0], standardised[1])


def test_a_file_reads_back_and_equal_titles_are_equal_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_archive(titles(), tmp_path / name / "titles.npz")
    assert (tmp_path / "one/titles.npz").read_bytes() == (tmp_path / "two/titles.npz").read_bytes()
    loaded = load_titles(tmp_path / "one")
    assert loaded.titles.tolist() == ["Red", "Green", "파랑"]
    np.testing.assert_array_equal(loaded.vectors, titles().vectors)


@pytest.mark.parametrize("content", [None, b"", b"no archive", "cut"])
def test_a_missing_or_damaged_file_is_one_line(tmp_path, content):
    if content == "cut":
        save_archive(titles(), tmp_path / "titles.npz")
        content = (tmp_path / "titles.npz").read_bytes()[:-200]
    if content is not None:
        (tmp_path / "titles.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"titles\.npz is .*; get the model anew with `dvc pull`$") as error:
        load_titles(tmp_path)
    assert "\n" not in str(error.value)
