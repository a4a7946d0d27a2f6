"""Compare engines that compute the features of a frozen backbone: speed, agreement with portable TensorFlow, memory, start.

Reads:  nothing, or real weights (--weights): images are pictures of the demo site, drawn without HTTP; random weights are calibrated.
Writes: a table in Markdown on stdout; packages that are not installed are named on stderr and left out.
bench/README.md explains the results.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from pydantic import BaseModel

from bench.agreement import equal_decisions, largest_difference, relative_difference
from bench.gauge import peak
from bench.other_engines import CHAINS, OTHERS
from bench.ways import runtime_params
from webtoon_genre.features.engine import Forward
from webtoon_genre.features.engines import onnxruntime, tensorflow
from webtoon_genre.features.pooling import Pool
from webtoon_genre.reproducibility.runtime import Runtime, set_seed, start_keras

if TYPE_CHECKING:
    import keras

REFERENCE = "TensorFlow, portable"
BASELINE = "TensorFlow, native"
TENSORFLOW: dict[str, dict[str, Any]] = {
    REFERENCE: {"instructions": "portable"},
    BASELINE: {"instructions": "native"},
    "TensorFlow, native, XLA": {"instructions": "native", "xla": True},
    "TensorFlow, native, mixed_bfloat16": {"instructions": "native", "precision": "mixed_bfloat16"},
}
ONNXRUNTIME = "ONNX Runtime"  # as features.engine has it
PACKAGES = {name: package for name, (package, _) in OTHERS.items()}
WAYS = (*TENSORFLOW, ONNXRUNTIME, *OTHERS)
PICTURES = 96  # compared
BATCH, STEPS, CPU_SECONDS = 16, 3, 2.0  # timed, after the pictures
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Case(BaseModel):
    """A measurement; folder: of the pictures, and of the weights and features that the reference writes for the other ways."""

    backbone: str
    pool: Pool
    threads: int
    folder: Path
    weights: Path | None
    side: int = 112

    def runtime(self, changes: dict[str, Any]) -> Runtime:
        """Params as in params.yaml, except for the threads and `changes`."""
        return runtime_params().model_copy(update={"intra_op": self.threads, **changes})

    @property
    def extractor(self) -> Path:
        """The weights of the extractor."""
        return self.folder / f"{self.backbone}.weights.h5"

    def features(self, way: str) -> Path:
        """The features of all pictures."""
        return self.folder / f"{self.backbone}-{WAYS.index(way)}.npy"


@app.command()
def compare(
    backbone: Annotated[list[str] | None, typer.Option(help="some of webtoon_genre/backbones")] = None,
    pool: Annotated[str, typer.Option(help="head.pool")] = "style",
    threads: Annotated[int, typer.Option(help="runtime.intra_op; 1 on a busy machine")] = 2,
    rounds: Annotated[int, typer.Option(help="of all ways, in turn; the quickest counts")] = 2,
    way: Annotated[list[str] | None, typer.Option(help="some of the ways, beside the first two")] = None,
    weights: Annotated[str | None, typer.Option(help="of the backbone, with {backbone}; default: random")] = None,
) -> None:
    """Run all ways in turn, each in a new process."""
    typer.echo(f"Matrix product in float32, {threads} threads: {multiply_rate(threads):.0f} GFLOP a CPU second\n")
    typer.echo(
        "| backbone | way | images/s | a CPU second | times native | largest | relative | decisions | MB | start, s |"
    )
    typer.echo("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    chosen = [name for name in WAYS if not way or name in (REFERENCE, BASELINE, *way)]
    with tempfile.TemporaryDirectory(prefix="engines-") as folder:
        labels = draw_pictures(Path(folder))
        for name in backbone or ["vgg16", "resnet50", "inception_v3", "mobilenet_v2"]:
            file = Path(weights.format(backbone=name)) if weights else None
            case = Case.model_validate(
                {"backbone": name, "pool": pool, "threads": threads, "folder": folder, "weights": file}
            )
            for line in table_rows(case, labels, available(chosen, name), rounds):
                typer.echo(line)


def multiply_rate(threads: int, size: int = 1536) -> float:
    """GFLOP a CPU second of NumPy's product of two float32 matrices, the best of eight: the peak of a convolution without a trick."""
    code = (
        "import sys, time, numpy as np; n = int(sys.argv[1]); a = np.ones((n, n), np.float32); best = 9e9\n"
        "for _ in range(8):\n    start = time.process_time(); a @ a; best = min(best, time.process_time() - start)\n"
        "print(2 * n**3 / best / 1e9)"
    )
    environment = {"OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", code, str(size)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout)


def available(ways: list[str], backbone: str) -> list[str]:
    """The ways whose packages are installed, and that compute the backbone."""
    ways = [way for way in ways if PACKAGES.get(way) != "ncnn" or backbone in CHAINS]
    missing = sorted({PACKAGES[way] for way in ways if way in PACKAGES and find_spec(PACKAGES[way]) is None})
    for package in missing:
        sys.stderr.write(f"{package} is not installed: its ways are left out\n")
    return [way for way in ways if PACKAGES.get(way) not in missing]


def draw_pictures(folder: Path) -> np.ndarray:
    """Write pictures minus their mean image, float32 (PICTURES, 112, 112, 3), RGB; return their labels, int (PICTURES,)."""
    from bench.labels import SEED, draw_dataset
    from webtoon_genre.demo_site.world import World

    dataset, pictures, _ = draw_dataset(World(SEED, 0.02), 6)
    rows = np.linspace(0, len(pictures) - 1, PICTURES).astype(int)
    chosen = pictures[rows].astype(np.float32)
    np.save(folder / "pictures.npy", chosen - chosen.mean(axis=0))
    return dataset["label"].to_numpy(np.int64)[rows]


def table_rows(case: Case, labels: np.ndarray, ways: list[str], rounds: int) -> list[str]:
    """The rows of one backbone."""
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, way_results in results.items():
            way_results.append(measure(way, case))
            sys.stderr.write(f"{case.backbone}, {way}: {way_results[-1]['cpu_rate']:.1f} images a CPU second\n")
    best = {way: best_of(way_results) for way, way_results in results.items()}
    expected = np.load(case.features(REFERENCE))
    rows = []
    for way, result in best.items():
        features = np.load(case.features(way))
        times = result["cpu_rate"] / best[BASELINE]["cpu_rate"]
        rows.append(
            f"| {case.backbone} | {way} | {result['rate']:.1f} | {result['cpu_rate']:.1f} | {times:.2f} "
            f"| {largest_difference(features, expected):.0e} | {relative_difference(features, expected):.0e} "
            f"| {equal_decisions(features, expected, labels):.1%} | {result['peak'] / 2**20:.0f} | {result['start']:.0f} |"
        )
    return rows


def best_of(results: list[dict[str, float]]) -> dict[str, float]:
    """The highest rates, the lowest peak memory and start of all rounds."""
    return {key: (max if key.endswith("rate") else min)(result[key] for result in results) for key in results[0]}


def measure(way: str, case: Case) -> dict[str, float]:
    """Measure one way in a new process."""
    command = [sys.executable, "-m", "bench.engines", "one", way, case.model_dump_json()]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


@app.command(hidden=True)
def one(way: str, case_json: str) -> None:
    """Measure one way in this process: images a second and a CPU second, peak memory in bytes, CPU seconds until the first batch."""
    case = Case.model_validate_json(case_json)
    runtime = case.runtime(TENSORFLOW.get(way, {}))
    start_keras(runtime)
    pictures = np.load(case.folder / "pictures.npy")
    extractor = load_extractor(case, pictures, way == REFERENCE)
    forward = new_forward(way, extractor, runtime)
    forward(pictures[:BATCH])
    start = time.process_time()
    batches = [forward(pictures[first : first + BATCH])[0] for first in range(0, PICTURES, BATCH)]
    np.save(case.features(way), np.concatenate(batches))
    rates = images_per_second(lambda: forward(pictures[:BATCH]))
    sys.stdout.write(json.dumps({**rates, "peak": peak(), "start": start}) + "\n")


def load_extractor(case: Case, pictures: np.ndarray, is_reference: bool) -> "keras.Model":
    """The extractor: the reference calibrates random weights and writes them, all others read them."""
    from webtoon_genre.features.backbone import build_extractor, load_weights, preprocess_images
    from webtoon_genre.features.calibration import calibrate

    set_seed(1)
    extractor = build_extractor(case.backbone, case.side, case.pool, "backbone", case.weights)
    if not is_reference:
        load_weights(extractor, case.extractor)
    elif case.weights is None:
        calibrate(extractor, preprocess_images(pictures[::2], case.backbone, "backbone"))
    if is_reference:
        extractor.save_weights(case.extractor)
    return extractor


def new_forward(way: str, extractor: "keras.Model", runtime: Runtime) -> Forward:
    """The forward pass of a way."""
    if way in TENSORFLOW:
        return tensorflow.compile_extractor(extractor, runtime)
    if way == ONNXRUNTIME:
        return onnxruntime.compile_extractor(extractor, runtime)
    return OTHERS[way][1](extractor, runtime)


def images_per_second(step: Callable[[], Any]) -> dict[str, float]:
    """Images a second and a CPU second of the quickest step of one batch, of at least STEPS and as many as take CPU_SECONDS."""
    rates: list[tuple[float, float]] = []
    begin = time.process_time()
    while len(rates) < STEPS or time.process_time() - begin < CPU_SECONDS:
        start, cpu_start = time.perf_counter(), time.process_time()
        step()
        rates.append((BATCH / (time.perf_counter() - start), BATCH / (time.process_time() - cpu_start)))
    return {"rate": max(rate for rate, _ in rates), "cpu_rate": max(rate for _, rate in rates)}


if __name__ == "__main__":
    app()
