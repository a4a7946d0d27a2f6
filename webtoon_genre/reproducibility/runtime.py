"""Seeds, deterministic operations, thread counts and Keras's settings: all that a result depends on besides data and code.

Outside this package, the code calls three functions for equal bits, so that the package can be deleted in one commit:
`start_keras(runtime)` at the start of a process, `set_seed(seed)` before each model, and `layers.use_portable_layers(model)` for a
backbone. It also uses the class `Runtime` and `layers.softmax`. The stage baseline, which runs without Keras, calls `configure`.

Measured on CPU: with TensorFlow's default threads two equal runs differ. With one operation at a time and a fixed number of threads
for it they are equal bit for bit; different numbers of threads differ. Machines differ too: TensorFlow computes matrix products, and
with AVX-512 other operations, with the library oneDNN, whose algorithm depends on vector instructions and cache sizes. Without
oneDNN, with the cache sizes that eigen_caches.py sets and the layers of layers.py, all x86-64 machines are equal.
"""

import gc
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import threadpoolctl
from pydantic import Field, field_validator

from webtoon_genre.core import machine
from webtoon_genre.core.params import Section
from webtoon_genre.reproducibility import eigen_caches

INSTRUCTIONS = {
    "portable": {"TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0", "TF_ENABLE_ONEDNN_OPTS": "0"},  # no oneDNN
    "native": {},
}
# Keras imports them, if it can, for functions that nothing here calls; they take two fifths of the time of `import keras`.
UNUSED_BY_KERAS = ("matplotlib", "sklearn")


class Runtime(Section):
    """params.yaml: runtime."""

    deterministic: bool
    instructions: Literal["portable", "native"]
    inter_op: int = Field(ge=1)
    intra_op: int = Field(ge=1)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    xla: bool
    backend: Literal["tensorflow", "jax", "torch"]

    @field_validator("backend")
    @classmethod
    def is_installed(cls, backend: str) -> str:
        """Refuse a backend that this environment lacks."""
        if importlib.util.find_spec(backend) is None:
            raise ValueError(f"{backend!r} is not installed here; `pip install {backend}`, or choose tensorflow")
        return backend


def configure(runtime: Runtime) -> None:
    """Set thread counts, instructions and determinism for this process, and no other variables of the libraries.

    Call it before the import of keras, which reads the environment.
    """
    machine.clear_environment()
    os.environ["TF_NUM_INTEROP_THREADS"] = str(runtime.inter_op)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(runtime.intra_op)
    os.environ["TF_DETERMINISTIC_OPS"] = str(int(runtime.deterministic))
    os.environ.update(INSTRUCTIONS[runtime.instructions])
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # several processes may share a GPU's memory
    os.environ["OMP_NUM_THREADS"] = str(runtime.intra_op)
    threadpoolctl.threadpool_limits(runtime.intra_op)


def start_keras(runtime: Runtime) -> None:
    """Call `configure`, import keras, set its backend, settings and precision and, if `portable`, Eigen's cache sizes.

    TensorFlow's notices on machines without a GPU are suppressed.
    """
    configure(runtime)
    os.environ["KERAS_BACKEND"] = runtime.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are raised as Python exceptions as well
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns when many models are built in one process
    with (
        suppress_stderr(),
        without_garbage_collection(),
        machine.hidden_configuration(),
        without_packages(UNUSED_BY_KERAS),
    ):
        keras = importlib.import_module("keras")
    if runtime.instructions == "portable":
        eigen_caches.set_cache_sizes()
    set_defaults(keras)
    keras.mixed_precision.set_dtype_policy(runtime.precision)


def set_defaults(keras: Any) -> None:
    """Set Keras's default type, epsilon and order of axes, which a keras.json may have changed where keras was imported earlier."""
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Suppress what native code writes to file descriptor 2; after an exception, write it."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), 2)
        try:
            yield
        except BaseException:
            buffer.seek(0)
            os.write(stderr, buffer.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def without_packages(names: Sequence[str]) -> Iterator[None]:
    """Let imports of packages that are not imported yet fail in this block, as where they are not installed."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None stops an import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Exclude objects created in this block from garbage collection, now and later: imports create half a million permanent ones."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def set_seed(seed: int) -> None:
    """Seed Python's, NumPy's and Keras's generators; call it before each model, so that no model depends on earlier ones.

    Keras also frees the memory of unused models and restarts the numbering of layer names, which are stored in weights files.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
