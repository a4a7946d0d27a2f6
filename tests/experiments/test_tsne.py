"""webtoon_genre/experiments/tsne.py: t-SNE that is equal bit for bit on every machine."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.support.hostile_machine import ENVIRONMENT
from webtoon_genre.experiments import tsne

LAYOUT = """
import hashlib
import numpy as np
from webtoon_genre.experiments import tsne

points = np.random.default_rng(1).random((60, 300)) + np.arange(60)[:, None] % 4
positions = tsne.layout(tsne.squared_distances(points), 10)
print(hashlib.sha256(positions.tobytes()).hexdigest())
"""
MACHINES = [
    {},
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"},
]


def groups_of_points(seed: int, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """45 points in three groups, float (45, 8), and their groups, int (45,)."""
    generator = np.random.default_rng(seed)
    groups = np.arange(45) % 3
    return generator.normal(0, 1, (3, 8))[groups] + generator.normal(0, spread, (45, 8)), groups


@pytest.mark.slow
def test_processors_and_threads_change_no_bit():
    digests = [
        subprocess.run(
            [sys.executable, "-c", LAYOUT],
            cwd=REPOSITORY,
            env={**os.environ, **machine},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for machine in MACHINES
    ]
    assert len(set(digests)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_apart(seed):
    points, groups = groups_of_points(seed)
    distances = tsne.squared_distances(tsne.layout(tsne.squared_distances(points), 8))
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.95


def test_principal_coordinates_are_those_of_a_singular_value_decomposition():
    points = np.random.default_rng(0).normal(size=(30, 4)) * [5, 2, 1, 0.5]
    centred = points - points.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = (left * values)[:, :2]
    expected /= np.sqrt(np.square(expected[:, 0]).mean())
    coordinates = tsne.principal_coordinates(tsne.squared_distances(points))
    assert np.abs(coordinates) == pytest.approx(np.abs(expected), abs=1e-3)


@pytest.mark.parametrize("number", [3, 4, 7])
@pytest.mark.parametrize("points", ["equal", "on a line", "twins"])
def test_few_and_equal_points_have_finite_positions(number, points):
    line = np.arange(number, dtype=np.float64)[:, None]
    rows = {"equal": 0 * line, "on a line": line, "twins": line // 2}[points]
    positions = tsne.layout(tsne.squared_distances(rows), 10)
    assert positions.shape == (number, 2)
    assert np.isfinite(positions).all()
    assert np.abs(positions).max() < 1e4
