"""Params with which the pipeline runs in about four minutes; `python tests/support/tiny_params.py params.yaml` edits the file."""

import sys
from pathlib import Path

from ruamel.yaml import YAML

BACKBONE = "mobilenet_v2"
TINY = {
    ("crawl", "demo", "scale"): 0.002,
    ("features", "calibration_images"): 32,
    ("train", "backbones"): [BACKBONE],
    ("train", "epochs"): 5,
    ("handling", "grid"): {"frozen": [], "unfreeze": [0, 4], "units": [16], "lr": [0.001]},
    ("handling", "epochs"): 2,
    ("finetune", "unfreeze"): [4],
    ("finetune", "epochs"): 2,
    ("experiments", "seeds"): [77, 78],
    ("pairs", "which"): 3,
    ("experiments", "epochs"): 5,
    ("label_limit", "orders"): 1,
}


def shrink(path: Path) -> None:
    """Set the values of TINY in a params.yaml; comments and order stay."""
    yaml = YAML()
    params = yaml.load(path)
    for (*sections, key), value in TINY.items():
        section = params
        for name in sections:
            section = section[name]
        section[key] = value
    yaml.dump(params, path)


if __name__ == "__main__":
    shrink(Path(sys.argv[1]))
