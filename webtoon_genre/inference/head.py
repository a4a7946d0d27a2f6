"""The head in NumPy: how a class's score changes with each feature of the style vector; head.npz in a model's folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webtoon_genre.core.model_files import HEAD
from webtoon_genre.inference.archives import load_archive

EPSILON = 1e-7  # Keras's, below which a deviation counts as this


@dataclass(frozen=True)
class Head:
    """Weights of (x - mean) / deviation → Dense(relu) → Dense, all float32.

    mean, deviation: (width,). hidden_kernel: (width, units). hidden_bias: (units,). kernel: (units, classes). bias: (classes,).
    """

    mean: np.ndarray
    deviation: np.ndarray
    hidden_kernel: np.ndarray
    hidden_bias: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray

    def hidden(self, style: np.ndarray) -> np.ndarray:
        """The hidden layer before its relu, of float32 (n, width): float32 (n, units)."""
        return (style - self.mean) / np.maximum(self.deviation, EPSILON) @ self.hidden_kernel + self.hidden_bias

    def logits(self, style: np.ndarray) -> np.ndarray:
        """Scores before the softmax: float32 (n, classes)."""
        return np.maximum(self.hidden(style), 0) @ self.kernel + self.bias

    def gradients(self, style: np.ndarray) -> np.ndarray:
        """The change of each class's score, relative to the mean of all classes, by each feature: float32 (n, classes, width)."""
        active = (self.hidden(style) > 0).astype(np.float32)
        kernel = self.kernel - self.kernel.mean(axis=1, keepdims=True)
        inner = self.hidden_kernel / np.maximum(self.deviation, EPSILON)[:, None]
        return np.einsum("nu,wu,uc->ncw", active, inner, kernel, optimize=True)


def load_head(folder: Path) -> Head:
    """The head of the model in `folder`; InputError where the file is missing or of another version."""
    return load_archive(folder / HEAD, Head)
