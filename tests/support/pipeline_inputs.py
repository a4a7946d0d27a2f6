"""Everything before `train`, made by the stages themselves: data/ and models/ of 20 drawn titles in two genres."""

import shutil
from pathlib import Path

import pytest

from tests.support.synthetic_thumbnails import labelled, store

BACKBONE = "mobilenet_v2"


def make(folder: Path, repository: Path) -> None:
    """Make it in `folder`, with the repository's params."""
    from stages import features, pretrained, split, zero_center

    shutil.copy(repository / "params.yaml", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        store(folder, labelled(titles=20, images=4))
        zero_center.main()
        split.main()
        pretrained.main(BACKBONE)
        features.main(BACKBONE)
