"""Find what DVC cannot keep as an output: links in place of folders, and pictures inside an output; it reads only names."""

import os
from collections.abc import Iterator
from pathlib import Path

from webtoon_genre.core import paths

OUTPUTS = (paths.DATA, paths.MODELS, paths.METRICS, paths.PLOTS)


def linked_outputs() -> Iterator[str]:
    """Links to folders among the folders of outputs: DVC stores nothing behind a link, and stages replace whole folders."""
    for folder in OUTPUTS:
        for path in [folder, *sorted(folder.iterdir() if folder.is_dir() and not folder.is_symlink() else [])]:
            if path.is_symlink() and (path.is_dir() or path in OUTPUTS):  # files may be links into DVC's cache
                yield (
                    f"{path} is a link to {path.readlink()}, and DVC keeps no output behind a link; make it a folder, and put DVC's "
                    f"cache on the other disk: `dvc cache dir PATH` and `dvc config cache.type symlink`"
                )


def pictures_in_output(path: str) -> Iterator[str]:
    """A complaint where the folder of pictures at `path` is an output, is in one or holds one: DVC replaces and removes outputs."""
    folder = Path(os.path.expanduser(path)).resolve()  # noqa: PTH111  (Path.expanduser raises for an unknown user)
    for output in (
        paths.RAW,
        paths.RESIZED,
        paths.FEATURES,
        paths.PREDICTIONS,
        paths.MODELS,
        paths.METRICS,
        paths.PLOTS,
    ):
        real = output.resolve()
        if folder == real or real in folder.parents or folder in real.parents:
            yield f"crawl.folder.path is {path!r}, and {output} is an output of the pipeline; move the pictures, such as to data/pictures"
            return
