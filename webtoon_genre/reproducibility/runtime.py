"""Seeds, deterministic operations and thread counts: what a result depends on beside data and code, set in this one place.

Measured on CPU: with TensorFlow's default threads two equal runs differ; with one operation at a time and a fixed number of
threads for each they are equal bit for bit, and different numbers of threads differ from each other. So do machines: TensorFlow has
matrix products, and with AVX-512 other operations, done by a library, oneDNN, that chooses by vector instructions and sizes of caches.
Without it, with the sizes that webtoon_genre/reproducibility/eigen_caches.py sets, and with what webtoon_genre/reproducibility/layers.py has in place of approximate operations,
machines are equal.
"""

import gc
import importlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

import threadpoolctl
from pydantic import BaseModel, Field

from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.reproducibility import eigen_caches

INSTRUCTIONS = {
    "portable": {"TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0", "TF_ENABLE_ONEDNN_OPTS": "0"},  # no oneDNN
    "native": {},
}


class Machine(BaseModel):
    """How operations are run; part of params.yaml: runtime."""

    deterministic: bool
    instructions: Literal["portable", "native"]
    inter_op: int = Field(ge=1)
    intra_op: int = Field(ge=1)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    xla: bool


class Threads(SharedKeys, Machine):
    """What stages share of params.yaml: runtime, whose results do not depend on its seed."""


class Runtime(Section, Machine):
    """params.yaml: runtime; results do not depend on `memory`."""

    untracked: ClassVar = frozenset({"memory"})

    memory: int = Field(ge=0)
    seed: int = Field(ge=0)


def configure(runtime: Machine) -> None:
    """Fix thread counts, instructions and determinism for this process; call it before keras is imported, which reads the environment."""
    os.environ["TF_NUM_INTEROP_THREADS"] = str(runtime.inter_op)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(runtime.intra_op)
    os.environ["TF_DETERMINISTIC_OPS"] = str(int(runtime.deterministic))
    os.environ.update(INSTRUCTIONS[runtime.instructions])
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # processes may share a GPU: none takes all of its memory at once
    os.environ["OMP_NUM_THREADS"] = str(runtime.intra_op)
    threadpoolctl.threadpool_limits(runtime.intra_op)


def start_keras(runtime: Machine) -> None:
    """`configure`, then import keras, set its precision and, if `portable`, the cache sizes that count.

    The notices that TensorFlow prints on machines without a GPU are held back.
    """
    configure(runtime)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # an error that matters is a Python exception too
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns where many models are built one after the other
    with suppress_stderr(), without_garbage_collection():
        keras = importlib.import_module("keras")
    if runtime.instructions == "portable":
        eigen_caches.set_cache_sizes()
    keras.mixed_precision.set_dtype_policy(runtime.precision)


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Hold back what native code writes to file descriptor 2; after an exception it is shown."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Look for no garbage among what is imported within, neither meanwhile nor later: half a million objects that are there to stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def set_seed(value: int) -> None:
    """Seed Python's, NumPy's and Keras's generators; call it before each model, so that no model depends on those before it.

    Keras also frees the memory of models that are no longer used, and counts names of layers from the start again: they stand in
    weights files.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(value)
