"""Keras models as ONNX graphs: of operations that tf2onnx knows, and numbered so that equal models are equal bytes."""

import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 18
IMAGES, FEATURES = "images", "features_"  # of an extractor's graph; features are numbered from 0


def onnx_graph(model: "keras.Model", title: str, dtype: str) -> "onnx.ModelProto":
    """The graph of a model with one input, which is called as in the model; outputs have the keys of the model's.

    title: the name of the graph. dtype: of the input. The model has only operations that tf2onnx knows: see `exportable`.
    """
    import keras
    import onnx

    with tempfile.TemporaryDirectory(prefix="export-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # tf2onnx asks NumPy 2 for names of NumPy 1
        file = Path(folder) / "model.onnx"
        signature = [keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype=dtype, name=model.inputs[0].name)]
        model.export(str(file), format="onnx", verbose=False, input_signature=signature, opset_version=OPSET)
        graph = onnx.load(file)
    normalise(graph.graph, title)
    return graph


def extractor_graph(extractor: "keras.Model") -> "onnx.ModelProto":
    """The graph of a feature extractor: IMAGES → FEATURES 0, 1 and so on, one for each pooling."""
    import keras

    backbone = extractor.get_layer("backbone")
    copy = keras.models.clone_model(
        extractor, clone_function=lambda layer: exportable(backbone) if layer is backbone else layer
    )
    images = keras.Input(extractor.input_shape[1:], dtype="float32", name=IMAGES)
    features = copy(images)
    outputs = features if isinstance(features, list) else [features]
    named = {f"{FEATURES}{number}": output for number, output in enumerate(outputs)}
    return onnx_graph(keras.Model(images, named), "extractor", "float32")


def exportable(backbone: "keras.Model") -> "keras.Model":
    """A copy that computes the same by operations which tf2onnx knows: it has neither Erfc nor convolutions in groups."""
    import keras

    copy = keras.models.clone_model(backbone, clone_function=exportable_layer)
    for layer, twin in zip(backbone.layers, copy.layers, strict=True):
        weights = layer.get_weights()
        if isinstance(twin, keras.layers.DepthwiseConv2D) and not isinstance(layer, keras.layers.DepthwiseConv2D):
            weights[0] = weights[0].transpose(0, 1, 3, 2)  # (h, w, 1, channels) → (h, w, channels, 1)
        twin.set_weights(weights)
    return copy


def exportable_layer(layer: "keras.Layer") -> "keras.Layer":
    """A layer that computes what `layer` does."""
    import keras

    if isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.gelu:
        return keras.layers.Activation(gelu, name=layer.name)
    if type(layer) is keras.layers.Conv2D and layer.groups == layer.filters > 1:
        names = ("name", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
        config = layer.get_config()
        return keras.layers.DepthwiseConv2D(**{name: config[name] for name in names})
    return type(layer).from_config(layer.get_config())


def gelu(x: Any) -> Any:
    """x Φ(x), Φ the normal distribution's cumulative function (Hendrycks and Gimpel, 2016, arXiv:1606.08415), by erf."""
    import keras

    return 0.5 * x * (1 + keras.ops.erf(x / np.float32(math.sqrt(2))))


def normalise(graph: "onnx.GraphProto", title: str) -> None:
    """Name the graph, and order and number nodes and tensors by the way from the outputs to the input.

    tf2onnx iterates over sets, and Keras counts layers.
    """
    nodes = ordered_nodes(graph)
    used = dict.fromkeys(name for node in nodes for name in node.input)
    constants = {initializer.name: initializer for initializer in graph.initializer}
    initializers = [constants[name] for name in used if name in constants]
    numbers = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}
    for position, node in enumerate(nodes):
        node.name = f"n{position}"
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = numbers.setdefault(name, f"t{len(numbers)}")
    for initializer in initializers:
        initializer.name = numbers[initializer.name]
    for value in (*graph.input, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_param = "n"
    graph.name, graph.doc_string = title, ""
    for field, values in (("value_info", []), ("node", nodes), ("initializer", initializers)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)


def ordered_nodes(graph: "onnx.GraphProto") -> list["onnx.NodeProto"]:
    """Nodes after all that they need, those of the first output first; what no output needs is left out."""
    producers = {name: node for node in graph.node for name in node.output}
    ordered, done, stack = [], set(), [(value.name, False) for value in reversed(graph.output)]
    while stack:
        name, expanded = stack.pop()
        node = producers.get(name)
        if node is None or id(node) in done:
            continue
        if expanded:
            done.add(id(node))
            ordered.append(node)
        else:
            stack += [(name, True), *((source, False) for source in reversed(node.input))]
    return ordered
