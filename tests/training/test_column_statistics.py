"""webtoon_genre/training/column_statistics.py: mean and variance in chunks."""

import numpy as np
import pytest

from webtoon_genre.training import column_statistics as module
from webtoon_genre.training.column_statistics import column_statistics


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chunk", [1, 100, 3000, 10**9])
def test_chunks_of_any_size_give_numpy_s_bits(monkeypatch, tmp_path, dtype, chunk):
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk)
    generator = np.random.default_rng(0)
    np.save(tmp_path / "features.npy", generator.normal(3, 2, (500, 7)).astype(np.float32))
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    rows = generator.permutation(500)[:321]
    mean, variance = column_statistics(features, rows, dtype)
    values = features[rows].astype(dtype)
    assert (mean.dtype, variance.dtype) == (dtype, dtype)
    assert np.array_equal(mean, values.mean(axis=0))
    assert np.array_equal(variance, values.var(axis=0))
