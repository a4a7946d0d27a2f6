"""webtoon_genre/evaluation/kernel_distance.py: unbiased, larger for other distributions, groups kept apart."""

import numpy as np
import pytest

from webtoon_genre.evaluation.kernel_distance import Reference, Sample, kernel, within

WIDTH = 20


def normal(seed: int, rows: int, shift: float = 0.0) -> Sample:
    generator = np.random.default_rng(seed)
    return Sample(generator.normal(shift, 1, (rows, WIDTH)).astype(np.float32), np.arange(rows))


def test_the_distance_is_the_formula_of_kid():
    one, other = normal(1, 6), normal(2, 9, 0.5)
    x, y, cross = (kernel(a.vectors, b.vectors) for a, b in ((one, one), (other, other), (one, other)))
    expected = (x.sum() - x.trace()) / (6 * 5) + (y.sum() - y.trace()) / (9 * 8) - 2 * cross.mean()
    assert Reference(one, 1).distance(other).value == pytest.approx(expected)


def test_samples_of_one_distribution_have_distances_about_0_whatever_their_size():
    reference = Reference(normal(0, 200), 1)
    for rows in (10, 40, 160):
        distances = [reference.distance(normal(seed, rows)).value for seed in range(1, 40)]
        error = np.std(distances) / np.sqrt(len(distances))
        assert abs(np.mean(distances)) < 3 * error + 0.02


def test_another_distribution_is_farther_and_its_interval_excludes_0():
    reference = Reference(normal(0, 200), 1)
    near, far = reference.distance(normal(1, 40)), reference.distance(normal(2, 40, 1.0))
    assert near.interval[0] < 0 < near.interval[1]
    assert far.interval[0] > near.interval[1]
    assert far.interval[0] <= far.value <= far.interval[1]


def test_a_mixture_lies_between():
    reference = Reference(normal(0, 200), 1)
    vectors = np.concatenate([normal(1, 30).vectors, normal(2, 30, 1.0).vectors])
    values = [
        reference.distance(Sample(part, np.arange(len(part)))).value for part in (vectors[:30], vectors, vectors[30:])
    ]
    assert values == sorted(values)


def test_images_of_a_title_do_not_make_it_seem_far():
    # 5 near copies of each of 30 titles, of the reference's distribution: counted as independent, they would lie farther
    titles = normal(3, 30).vectors
    copies = np.repeat(titles, 5, axis=0) + np.random.default_rng(4).normal(0, 0.1, (150, WIDTH)).astype(np.float32)
    reference = Reference(normal(0, 300), 1)
    grouped = reference.distance(Sample(copies, np.repeat(np.arange(30), 5))).value
    apart = reference.distance(Sample(copies, np.arange(150))).value
    alone = reference.distance(Sample(titles, np.arange(30))).value
    assert grouped == pytest.approx(alone, abs=0.1)
    assert apart > grouped + 0.1


def test_a_sample_of_one_group_has_no_pair():
    sample = Sample(normal(1, 3).vectors, np.zeros(3, int))
    assert np.isnan(within(sample, np.ones((1, 3)))).all()
