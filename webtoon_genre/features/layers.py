"""A model that stays in inference mode while one around it is trained; importing this imports keras."""

from typing import Any

import keras


class Inference(keras.Model):
    """A functional model whose batch norm uses its moving statistics and whose dropout passes all, whatever mode is asked for.

    Calling a functional model with `training=False` is not enough: while a model around it is trained, Keras hands its own
    mode to every layer inside.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The layers' answers in inference mode."""
        return super().call(inputs, training=False, mask=mask)
