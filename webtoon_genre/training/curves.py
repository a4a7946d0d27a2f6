"""Learning curves: the metrics of each epoch as tables for `dvc plots`, by DVCLive, and as a meter on the terminal."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webtoon_genre.core.files import name_in_errors, replacing_folder
from webtoon_genre.core.progress import Meter
from webtoon_genre.training.trainer import EpochCallback


@contextmanager
def learning_curves(folder: Path, label: str, epochs: int) -> Iterator[EpochCallback]:
    """A callback that logs the metrics of each epoch; at the end of the block `folder` has train/accuracy.tsv, val/loss.tsv and so on.

    label: names the progress. epochs: at most.
    """
    from dvclive import Live

    meter = Meter(epochs, label, "epochs")
    with tempfile.TemporaryDirectory() as scratch, replacing_folder(folder) as part:
        live = Live(scratch, report=None, save_dvc_exp=False, dvcyaml=None)

        def on_epoch_end(_: int, metrics: dict[str, float]) -> None:
            with name_in_errors(Path(scratch)):
                for name, value in metrics.items():
                    live.log_metric(f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}", round(value, 6))
                live.next_step()
            meter.step(1, f"val accuracy {metrics['val_accuracy']:.3f}")

        yield on_epoch_end
        meter.close()
        live.end()
        shutil.copytree(Path(scratch) / "plots" / "metrics", part, dirs_exist_ok=True)
