"""Features by ONNX Runtime on the CPU, in float32 and `runtime.intra_op` threads; bits depend on the processor's vector instructions."""

from collections.abc import Sequence
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
    """The forward pass of a copy of the extractor; later changes of its weights have no effect."""
    import onnxruntime

    graph = extractor_graph(extractor)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), session_options(runtime), providers=["CPUExecutionProvider"]
    )
    outputs = [output.name for output in graph.graph.output]
    shapes = extractor.output_shape if isinstance(extractor.output_shape, list) else [extractor.output_shape]

    def forward(images: np.ndarray) -> list[np.ndarray]:
        tables = session.run(outputs, {graph.graph.input[0].name: images})
        check_shapes(tables, [(len(images), shape[-1]) for shape in shapes])
        return tables

    return forward


def check_shapes(tables: Sequence[np.ndarray], expected: Sequence[tuple[int, int]]) -> None:
    """Raise InputError where features have another shape than Keras's: tf2onnx flattens a map of 1 × 1 after layer norm wrongly."""
    for table, shape in zip(tables, expected, strict=True):
        if table.shape != shape:
            raise InputError(
                f"features.engine onnxruntime computes features of shape {table.shape} in place of {shape} for this backbone, head.pool "
                "and resize.side; set features.engine to tensorflow"
            )


def session_options(runtime: Runtime) -> "onnxruntime.SessionOptions":
    """One operation at a time, in `runtime.intra_op` threads that sleep while they wait: others may use the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = runtime.intra_op, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = ERRORS
    return options
