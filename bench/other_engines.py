"""Engines that are compared but that features.engine does not have: other settings of ONNX Runtime, OpenVINO, ncnn."""

import tempfile
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from webtoon_genre.features.engine import Forward
from webtoon_genre.features.engines.onnxruntime import session_options
from webtoon_genre.features.onnx_graph import IMAGES, extractor_graph
from webtoon_genre.reproducibility.runtime import Runtime

if TYPE_CHECKING:
    import keras

CHAINS = ("vgg16", "vgg19")  # backbones that ncnn_network can describe
New = Callable[["keras.Model", Runtime], Forward]


def other_onnxruntime(extractor: "keras.Model", runtime: Runtime, level: str, spinning: str) -> Forward:
    """ONNX Runtime with another level of optimisation, or with threads that spin while they wait."""
    import onnxruntime

    options = session_options(runtime)
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    graph = extractor_graph(extractor).SerializeToString()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {IMAGES: images})


def openvino(extractor: "keras.Model", runtime: Runtime, hint: str, precision: str) -> Forward:
    """OpenVINO on the CPU. Without the package openvino-telemetry it sends nothing: with it, importing openvino reports to its makers."""
    import openvino

    core = openvino.Core()
    model = core.read_model(extractor_graph(extractor).SerializeToString())
    settings = {
        "INFERENCE_NUM_THREADS": runtime.intra_op,
        "PERFORMANCE_HINT": hint,
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = core.compile_model(model, "CPU", settings)
    return lambda images: [np.array(compiled(images)[0])]


def ncnn(extractor: "keras.Model", runtime: Runtime, winograd: bool) -> Forward:
    """ncnn, an image at a time, for plain chains of convolutions with style pooling (vgg16, vgg19).

    winograd: by Winograd's minimal filtering (Lavin and Gray, 2015, arXiv:1509.09308), else by matrix products.
    """
    import ncnn as library

    text, weights, maps = ncnn_network(extractor.get_layer("backbone"))
    net = library.Net()
    net.opt.num_threads, net.opt.use_winograd_convolution = runtime.intra_op, winograd
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{name}", False)
    net.load_param_mem(text)
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:  # in memory, ncnn would use the bytes without a copy
        file.write(weights)
        file.flush()
        net.load_model(file.name)

    def features(image: np.ndarray) -> np.ndarray:
        pixels = np.ascontiguousarray(
            image[..., ::-1].transpose(2, 0, 1)
        )  # BGR, (3, h, w); ncnn reads it without a copy
        run = net.create_extractor()
        run.input("images", library.Mat(pixels))
        outputs = [np.array(run.extract(name)[1]) for name in maps]
        means = [output.mean(axis=(1, 2)) for output in outputs]
        return np.concatenate([*means, *(np.sqrt(output.var(axis=(1, 2)) + 1e-5) for output in outputs)])

    return lambda images: [np.stack([features(image) for image in images])]


def ncnn_network(backbone: "keras.Model") -> tuple[str, bytes, list[str]]:
    """A chain of 3 × 3 convolutions with ReLU and of 2 × 2 max pooling in ncnn's format, its weights, and its tensors that are pooled."""
    maps = {output.name for output in backbone.outputs}
    lines, weights, names, tensor = ["Input images 0 1 images"], b"", [], "images"
    for layer in backbone.layers[1:]:
        if layer.weights:
            kernel, bias = layer.get_weights()
            lines.append(
                f"Convolution {layer.name} 1 1 {tensor} {layer.name} 0={kernel.shape[-1]} 1=3 4=1 5=1 6={kernel.size} 9=1"
            )
            weights += bytes(4) + kernel.transpose(3, 2, 0, 1).tobytes() + bias.tobytes()  # 4 bytes 0: float32
        else:
            lines.append(f"Pooling {layer.name} 1 1 {tensor} {layer.name} 0=0 1=2 2=2")
        tensor = layer.name
        if layer.output.name in maps:
            names.append(tensor)
            lines.append(f"Split {tensor}_split 1 2 {tensor} {tensor}_map {tensor}_next")
            names[-1], tensor = f"{tensor}_map", f"{tensor}_next"
    tensors = sum(int(line.split()[3]) for line in lines)
    return "\n".join(["7767517", f"{len(lines)} {tensors}", *lines]) + "\n", weights, names


ALL = "ORT_ENABLE_ALL"
OTHERS: dict[str, tuple[str, New]] = {  # by way, its package
    "ONNX Runtime, spinning": ("onnxruntime", partial(other_onnxruntime, level=ALL, spinning="1")),
    "ONNX Runtime, extended": ("onnxruntime", partial(other_onnxruntime, level="ORT_ENABLE_EXTENDED", spinning="0")),
    "OpenVINO, latency": ("openvino", partial(openvino, hint="LATENCY", precision="f32")),
    "OpenVINO, throughput": ("openvino", partial(openvino, hint="THROUGHPUT", precision="f32")),
    "OpenVINO, bf16": ("openvino", partial(openvino, hint="LATENCY", precision="bf16")),
    "ncnn, Winograd": ("ncnn", partial(ncnn, winograd=True)),
    "ncnn, direct": ("ncnn", partial(ncnn, winograd=False)),
}
