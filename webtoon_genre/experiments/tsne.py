"""scikit-learn's t-SNE with equal bits on every machine: points that are near in many dimensions are near on a map; no paths, no files.

t-SNE amplifies the last bits of its input and of its sums. Processors differ in the last bits of matrix products, with which scikit-learn's
exact method computes gradients; its Barnes-Hut method does not, but adds one sum by threads. So the method is Barnes-Hut in one thread.
Its input, distances and principal coordinates, is computed in a fixed order with operations that IEEE 754 rounds alike everywhere: sums,
products, quotients, square roots. What remains are exponentials and logarithms, and scikit-learn rounds the shares from them to float32.

Throughout: `points` float64 (n, width), `distances` float64 (n, n), squared and Euclidean.
"""

import numpy as np
import threadpoolctl

START = 1e-4  # the spread of the initial positions, scikit-learn's
POWER_STEPS = 100  # of the iteration that computes a principal coordinate
TINY = 1e-300


def squared_distances(points: np.ndarray) -> np.ndarray:
    """Return squared Euclidean distances, float64 (n, n)."""
    distances = np.zeros((len(points), len(points)))
    for index, point in enumerate(points):
        distances[index, index:] = np.square(points[index:] - point).sum(axis=1)
    return distances + distances.T


def layout(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Return positions, float64 (n, 2), that are near where `distances` are small; of at least three points.

    perplexity: the effective number of neighbours of a point, at most half of the others.
    """
    from sklearn.manifold import TSNE  # not needed where the stage is skipped

    model = TSNE(
        perplexity=min(perplexity, (len(distances) - 1) / 2),
        metric="precomputed",
        init=START * principal_coordinates(distances),
        method="barnes_hut",
        random_state=0,  # unused: `init` is given
    )
    with threadpoolctl.threadpool_limits(1):
        return np.asarray(model.fit_transform(np.sqrt(distances)), np.float64)


def principal_coordinates(distances: np.ndarray) -> np.ndarray:
    """Return the first two principal coordinates (those of a PCA), float64 (n, 2), in units of the first one's deviation.

    They are computed by power iteration on the products of centred points (classical scaling).
    """
    means = distances.mean(axis=0)
    products = -0.5 * (distances - means - means[:, None] + means.mean())
    axes = []
    for _ in range(2):
        axis = products[:, products.diagonal().argmax()]
        for _ in range(POWER_STEPS):
            axis = (products * axis).sum(axis=1)
            axis = axis / max(np.sqrt(np.square(axis).sum()), TINY)
        variance = (axis * (products * axis).sum(axis=1)).sum()
        axes.append(axis * np.sqrt(max(variance, 0)))
        products = products - variance * axis[:, None] * axis
    positions = np.stack(axes, axis=1)
    return positions / max(np.sqrt(np.square(positions[:, 0]).mean()), TINY)
