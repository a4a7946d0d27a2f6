"""A Keras model that stays in inference mode while a model around it is trained; importing this module imports keras."""

from typing import Any

import keras


class Inference(keras.Model):
    """A functional model whose batch norm uses its moving statistics and whose dropout passes everything, in any mode.

    Calling a functional model with `training=False` is not enough: while a model around it is trained, Keras passes its own
    mode to every layer inside.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Outputs of the layers in inference mode."""
        return super().call(inputs, training=False, mask=mask)
