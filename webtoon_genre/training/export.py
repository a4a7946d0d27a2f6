"""A classifier as an ONNX graph, for use without TensorFlow."""

from pathlib import Path

import numpy as np

from webtoon_genre.core.files import replacing
from webtoon_genre.features.onnx_graph import exportable, onnx_graph
from webtoon_genre.inference.head import Head
from webtoon_genre.training.classifier import Classifier, with_style


def head_weights(classifier: Classifier) -> Head:
    """The weights of the head as arrays."""
    head = classifier.model.get_layer("head")
    width = head.input_shape[-1]
    mean, deviation = np.zeros(width, np.float32), np.ones(width, np.float32)
    if classifier.config.head.standardise:
        mean, variance = (np.asarray(value, np.float32).reshape(width) for value in head.layers[1].get_weights()[:2])
        deviation = np.sqrt(variance)
    hidden, last = (layer for layer in head.layers if layer.name.startswith("dense"))
    return Head(mean, deviation, *hidden.get_weights(), *last.get_weights())


def export_onnx(classifier: Classifier, path: Path) -> None:
    """Write the graph of `with_style`: its input and outputs have the names of core/model_files.py; equal weights give equal bytes."""
    import onnx

    model = with_style(classifier, exportable(classifier.model.get_layer("extractor").get_layer("backbone")))
    graph = onnx_graph(model, "classifier", "uint8")
    with replacing(path) as part:
        onnx.save(graph, part)
