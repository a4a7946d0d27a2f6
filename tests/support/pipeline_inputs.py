"""Everything that `train` reads, computed by the stages before it: data/ and models/ of 20 synthetic titles in two genres."""

import shutil
from pathlib import Path

import pytest

from tests.support.synthetic_thumbnails import synthetic_labels, write_thumbnails

BACKBONE = "mobilenet_v2"


def run_stages_before_train(folder: Path, repository: Path) -> None:
    """Run the stages from zero_center to features in `folder`, with the repository's params."""
    from stages import features, pretrained, split, zero_center

    shutil.copy(repository / "params.yaml", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_thumbnails(folder, synthetic_labels(titles=20, images=4))
        zero_center.main()
        split.main()
        pretrained.main(BACKBONE)
        features.main(BACKBONE)
