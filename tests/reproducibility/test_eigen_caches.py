"""webtoon_genre/reproducibility/eigen_caches.py: results do not depend on the processor's caches."""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from webtoon_genre.reproducibility import eigen_caches

TRAINING = """
import sys
from hashlib import md5
import numpy as np
from tests.support.runtime_params import RUNTIME
from webtoon_genre.reproducibility import eigen_caches, runtime

runtime.start_keras(RUNTIME)
if sys.argv[1:]:
    assert eigen_caches.set_cache_sizes(tuple(map(int, sys.argv[1:])))
import keras

runtime.set_seed(77)
images = np.random.default_rng(77).normal(size=(7, 7, 7, 512)).astype(np.float32)
convolutions = [keras.layers.Conv2D(512, 3, padding="same") for _ in range(2)]
pooled = [*convolutions, keras.layers.GlobalAveragePooling2D()]
model = keras.Sequential([keras.Input(images.shape[1:]), *pooled, keras.layers.Dense(10)])
model.compile(keras.optimizers.SGD(100.0), "mse")
model.train_on_batch(images, np.eye(10)[:7])
print(md5(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest())
"""
x86_64_linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="equal bits are promised for x86-64 Linux only",
)
SAPPHIRE_RAPIDS = (48 * 2**10, 2 * 2**20, 300 * 2**20)


@cache
def weights_digest(*sizes: int) -> str:
    """Return the digest of a small network's weights after one step with caches of these sizes; by default, those that stages set."""
    process = subprocess.run(
        [sys.executable, "-c", TRAINING, *map(str, sizes)],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "CUDA_VISIBLE_DEVICES": "",  # a GPU computes other bits
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


@pytest.mark.slow
@x86_64_linux
def test_cache_sizes_change_the_rounding_of_training_and_stages_set_them():
    assert weights_digest() == weights_digest(*eigen_caches.SIZES) != weights_digest(*SAPPHIRE_RAPIDS)


@x86_64_linux
def test_a_training_step_has_these_bits_on_every_machine():
    # of TensorFlow 2.21; those of another version may differ, and then all results must be computed anew
    assert weights_digest() == "9770b9954b51d96a7b2fb2d78bb540bf"


def test_without_tensorflow_nothing_is_set(monkeypatch):
    monkeypatch.setattr(eigen_caches, "LIBRARY", "libnobody.so")
    assert not eigen_caches.set_cache_sizes()


def test_without_a_list_of_mappings_no_library_is_found(tmp_path):
    assert eigen_caches.find_library(eigen_caches.LIBRARY, maps=tmp_path / "maps") is None


@x86_64_linux
def test_a_library_without_the_variable_has_no_address_for_it():
    libc = eigen_caches.find_library("libc.so.6")
    assert libc.path.is_file()
    assert eigen_caches.symbol_addresses(libc, [eigen_caches.VARIABLE]) == {}


def test_a_library_is_found_by_its_file_name_at_its_first_mapping(tmp_path):
    (tmp_path / "maps").write_text(
        "55d0a1c00000-55d0a1c01000 rw-p 00000000 00:00 0 \n"
        "7f0000000000-7f0000001000 r--p 00000000 fe:00 12  /a folder/libx.so.2\n"
        "7f0000001000-7f0000002000 r-xp 00001000 fe:00 12  /a folder/libx.so.2\n"
    )
    assert eigen_caches.find_library("libx.so.2", tmp_path / "maps") == eigen_caches.Library(
        Path("/a folder/libx.so.2"), 0x7F0000000000
    )
