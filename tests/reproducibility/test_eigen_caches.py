"""webtoon_genre/reproducibility/eigen_caches.py: what is computed does not depend on the processor's caches."""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.import_closure import REPOSITORY
from webtoon_genre.reproducibility import eigen_caches

TRAINING = """
import sys
from hashlib import md5
import numpy as np
from tests.support.runtime_params import MACHINE
from stages.lib import caches, runtime

runtime.start_keras(MACHINE)
if sys.argv[1:]:
    assert caches.pin(tuple(map(int, sys.argv[1:])))
import keras

runtime.seed(77)
images = np.random.default_rng(77).normal(size=(7, 7, 7, 512)).astype(np.float32)
wide = [keras.layers.Conv2D(512, 3, padding="same") for _ in range(2)]
model = keras.Sequential([keras.Input(images.shape[1:]), *wide, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
model.compile(keras.optimizers.SGD(100.0), "mse")
model.train_on_batch(images, np.eye(10)[:7])
print(md5(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest())
"""
HERE = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="bits are promised to x86-64 alone"
)
SAPPHIRE_RAPIDS = (48 * 2**10, 2 * 2**20, 300 * 2**20)


@cache
def trained(*sizes: int) -> str:
    """The digest of a small network's weights after a step, where caches have these sizes; without any, as stages run."""
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, *map(str, sizes)],
        env={
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}",
            "CUDA_VISIBLE_DEVICES": "",  # a GPU's bits are its own
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@HERE
def test_training_is_rounded_by_the_sizes_of_caches_which_stages_set():
    assert trained() == trained(*eigen_caches.SIZES) != trained(*SAPPHIRE_RAPIDS)


@HERE
def test_a_step_of_training_has_these_bits_on_every_machine():
    # TensorFlow 2.21's; those of another version may differ, and then all results are made anew
    assert trained() == "9770b9954b51d96a7b2fb2d78bb540bf"


def test_where_tensorflow_is_not_loaded_nothing_is_set(monkeypatch):
    monkeypatch.setattr(eigen_caches, "LIBRARY", "libnobody.so")
    assert not eigen_caches.set_cache_sizes()


def test_a_system_that_does_not_tell_what_is_loaded_has_nothing_loaded(tmp_path):
    assert eigen_caches.find_library(eigen_caches.LIBRARY, maps=tmp_path / "maps") is None


@HERE
def test_a_library_without_the_variable_has_no_address_for_it():
    libc = eigen_caches.find_library("libc.so.6")
    assert libc.path.is_file()
    assert eigen_caches.symbol_addresses(libc, [eigen_caches.VARIABLE]) == {}


def test_a_library_is_found_by_its_file_name_where_its_begin_is_loaded(tmp_path):
    (tmp_path / "maps").write_text(
        "55d0a1c00000-55d0a1c01000 rw-p 00000000 00:00 0 \n"
        "7f0000000000-7f0000001000 r--p 00000000 fe:00 12  /a folder/libx.so.2\n"
        "7f0000001000-7f0000002000 r-xp 00001000 fe:00 12  /a folder/libx.so.2\n"
    )
    assert eigen_caches.find_library("libx.so.2", tmp_path / "maps") == eigen_caches.Library(
        Path("/a folder/libx.so.2"), 0x7F0000000000
    )
