"""Features by ONNX Runtime on the CPU, in float32 and `runtime.intra_op` threads; bits depend on the processor's vector instructions."""

from typing import TYPE_CHECKING

import numpy as np

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

    def forward(images: np.ndarray) -> list[np.ndarray]:
        return session.run(outputs, {graph.graph.input[0].name: images})

    return forward


def session_options(runtime: Runtime) -> "onnxruntime.SessionOptions":
    """One operation at a time, in `runtime.intra_op` threads that sleep while they wait: others may use the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = runtime.intra_op, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = ERRORS
    return options
