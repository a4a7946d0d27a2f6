"""Layers of a model as one weights file, without the others; importing this imports keras."""

from collections.abc import Sequence

import keras


class TrainedLayers(keras.Model):
    """What training changed of a model: it shares the layers that it is given, and answers nothing."""

    def __init__(self, layers: Sequence[keras.Layer]):
        super().__init__(name="trained")
        self.parts = list(layers)
        self.built = True
