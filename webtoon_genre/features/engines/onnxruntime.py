"""Features by ONNX Runtime on the CPU, in float32 and `runtime.intra_op` threads; bits depend on the processor's vector instructions."""

from typing import TYPE_CHECKING

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.engine import Forward
from webtoon_genre.features.onnx_graph import extractor_graph
from webtoon_genre.reproducibility.runtime import Runtime

if TYPE_CHECKING:
    import keras
    import onnxruntime

ERRORS = 3  # of ONNX Runtime's levels of messages


def compile_extractor(extractor: "keras.Model", runtime: Runtime) -> Forward:
    """The forward pass of a copy of the extractor; later changes of its weights have no effect.

    The forward pass raises InputError where the exported graph is wrong, as tf2onnx's is for the flattened top layer of a convnext_tiny
    of 32 pixels, a map of one position.
    """
    import onnxruntime

    graph = extractor_graph(extractor)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), session_options(runtime), providers=["CPUExecutionProvider"]
    )
    outputs = [output.name for output in graph.graph.output]
    side, widths = extractor.input_shape[1], [output.shape[-1] for output in extractor.outputs]

    def forward(images: np.ndarray) -> list[np.ndarray]:
        features = session.run(outputs, {graph.graph.input[0].name: images})
        for values, width in zip(features, widths, strict=True):
            if values.shape != (len(images), width):
                raise InputError(
                    f"features.engine is onnxruntime: the graph exported for {side} pixels gives features {values.shape} "
                    f"in place of {(len(images), width)}; set it to tensorflow"
                )
        return features

    return forward


def session_options(runtime: Runtime) -> "onnxruntime.SessionOptions":
    """One operation at a time, in `runtime.intra_op` threads that sleep while they wait: others may use the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = runtime.intra_op, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = ERRORS
    return options
