"""Data for each template in .dvc/plots, as CSV text of the form that stages write."""

from collections.abc import Callable, Sequence

BACKBONES = ("resnet50", "efficientnet_v2_b0")
KINDS = ("before", "after")


def table(header: str, rows: Sequence[tuple]) -> str:
    """CSV text."""
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def label_names(labels: int) -> list[str]:
    """Names in an order that is not alphabetical, one of them long."""
    return ["a label of thirty characters ..", *(f"label {number}" for number in range(labels - 1, 0, -1))]


def confusion(labels: int = 10) -> str:
    """Rows of images: each label is right 3 times in 4, the last one is never predicted."""
    names = label_names(labels)
    wrong = [(name, names[(place + 1) % (labels - 1)]) for place, name in enumerate(names)]
    right = [(name, name) for name in names[:-1]]
    return table("actual,predicted", [*right * 3, *wrong, *[(names[0], names[0])] * 12_000])


def reliability() -> str:
    """Ten bins before and after temperature scaling."""
    rows = [
        (kind, place / 10 + 0.05, max(0, place / 10 - 0.1 * (kind == "before")), 1 + 20 * place)
        for kind in KINDS
        for place in range(10)
    ]
    return table("kind,confidence,share_right,images", rows)


def grid() -> str:
    """Trials of two backbones, one with unfrozen layers too; one trial failed."""
    rows = [
        (backbone, layers, units, rate, 0.5, 0.4, 0.6)
        for backbone, depths in zip(BACKBONES, ((0,), (0, 10, "all")), strict=True)
        for layers in depths
        for units in (128, 256, 1024)
        for rate in (0.001, 0.0001, 0.00001)
    ]
    return table("backbone,unfreeze,units,lr,val_accuracy,low,high", [*rows[:-1], (*rows[-1][:4], "", "", "")])


def learning_curve() -> str:
    """Curves of models that were trained for one epoch, for a few and for many."""
    epochs = {"resnet50": 1, "vgg16": 5, "models/best": 60}
    rows = [
        (model, split, epoch, 1 - 0.9 ** (epoch + 1), 2 * 0.9**epoch)
        for model, count in epochs.items()
        for split in ("train", "val")
        for epoch in range(count)
    ]
    return table("backbone,split,epoch,accuracy,loss", rows)


BY_TEMPLATE: dict[str, Callable[[], str]] = {
    "confusion_shares": confusion,
    "grid": grid,
    "learning_curve": learning_curve,
    "reliability": reliability,
}
