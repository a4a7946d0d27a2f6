"""A small exported model in a folder, made without training: the label is the strongest channel, the style vector the mean colour."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from webtoon_genre.core.model_files import CONFIG, HEAD, IMAGES, INPUT, MAP, MODEL, PROBABILITIES, STYLE, TITLES
from webtoon_genre.inference.archives import save_archive
from webtoon_genre.inference.head import Head
from webtoon_genre.inference.references import ReferenceImages
from webtoon_genre.inference.titles import TitleIndex

SIDE, CLASSES = 8, ["action", "comic", "daily"]  # red, green, blue
SHARPNESS = 0.05  # of the softmax over mean channels, 0 to 255
FLOAT = TensorProto.FLOAT


def graph() -> onnx.ModelProto:
    """images → their pixels as the one map → style (n, 3), the mean of each channel → probabilities (n, 3)."""
    nodes = [
        helper.make_node("Cast", [INPUT], [f"{MAP}0"], to=FLOAT),
        helper.make_node("ReduceMean", [f"{MAP}0", "axes"], [STYLE], keepdims=0),
        helper.make_node("Mul", [STYLE, "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [PROBABILITIES], axis=1),
    ]
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [None, SIDE, SIDE, 3])
    outputs = [helper.make_tensor_value_info(name, FLOAT, [None, 3]) for name in (PROBABILITIES, STYLE)]
    outputs.append(helper.make_tensor_value_info(f"{MAP}0", FLOAT, [None, SIDE, SIDE, 3]))
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("sharpness", FLOAT, [], [SHARPNESS]),
    ]
    body = helper.make_graph(nodes, "tiny", [images], outputs, constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def config(**changes: object) -> dict[str, object]:
    """config.json."""
    names = {"action": ("action", "액션"), "comic": ("comedy", "개그"), "daily": ("slice of life", "일상")}
    score = {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6], "groups": 40}
    return {
        "backbone": "resnet50",
        "side": SIDE,
        "preprocess": "backbone",
        "unfreeze": 0,
        "head": {"pool": "average", "standardise": False, "units": 3, "dropout": 0.5},
        "classes": CLASSES,
        "names": {code: {"en": english, "ko": korean} for code, (english, korean) in names.items()},
        "resize": {"interpolation": "linear", "max_pixels": 1_000_000},
        "temperature": 2.0,
        "unlike_distance": 1.0,
        "scores": {"val": score, "test": score},
    } | changes


def titles() -> TitleIndex:
    """Three titles: red, green and blue ones, in a space without standardisation."""
    vectors = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], np.float32)
    mean, deviation = np.full(3, 90, np.float32), np.full(3, 75, np.float32)
    index = TitleIndex(
        mean,
        deviation,
        vectors,
        np.arange(3),
        np.array(["Red", "Green", "파랑"]),
        np.array(CLASSES),
        np.zeros((0, 4, 4, 3), np.uint8),
    )
    return TitleIndex(**{**vars(index), "vectors": index.standardise(vectors)})


def head() -> Head:
    """The head of the graph: one hidden unit a channel, which is positive."""
    one, zeros = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    return Head(zeros, np.ones(3, np.float32), one, zeros, SHARPNESS * one, zeros)


def references() -> ReferenceImages:
    """24 titles of three images around each class, every second title held out."""
    generator = np.random.default_rng(1)
    title_ids = np.repeat(np.arange(72), 3)
    labels = title_ids // 24
    scatter = generator.normal(0, 0.3, (72, 3))[title_ids] + generator.normal(0, 0.1, (216, 3))
    probabilities = np.full((216, 3), 0.1) + 0.7 * np.eye(3)[labels]
    vectors = (titles().vectors[labels] + scatter).astype(np.float16)
    return ReferenceImages(vectors, title_ids, labels, title_ids % 2 == 1, probabilities.astype(np.float32))


def write_model(folder: Path, **changes: object) -> Path:
    """Write the model; `changes` are keys of config.json."""
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(json.dumps(config(**changes)), encoding="utf-8")
    onnx.save(graph(), folder / MODEL)
    for arrays, name in ((titles(), TITLES), (references(), IMAGES), (head(), HEAD)):
        save_archive(arrays, folder / name)
    return folder
