"""webtoon_genre/reproducibility/runtime.py: Keras runs under the settings of params.yaml, whatever the machine says."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.support.hostile_machine import FOLDER, HOME, environment, write
from tests.support.runtime_params import RUNTIME
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.reproducibility.runtime import Runtime

SETTINGS = """
import json, os
from tests.support.runtime_params import RUNTIME
from webtoon_genre.reproducibility.runtime import start_keras

start_keras(RUNTIME)
import keras
import tensorflow as tf

config = keras.config
settings = [config.backend(), config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name]
print(json.dumps([settings, config.max_epochs(), tf.config.threading.get_intra_op_parallelism_threads(),
    tf.config.optimizer.get_jit(), sorted(name for name in os.environ if name.startswith(("TF_", "XLA", "KERAS")))]))
"""


class Params(ParamsFile):
    runtime: Runtime


@pytest.mark.slow
def test_no_configuration_of_the_machine_reaches_keras_and_none_is_written(tmp_path):
    write(tmp_path / "folder", FOLDER)
    variables = environment(tmp_path / "home") | {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        cwd=tmp_path / "folder",
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    settings, epochs, threads, jit, seen = json.loads(result.stdout)
    assert settings == ["tensorflow", "float32", 1e-7, "channels_last", "float32"]
    assert (epochs, threads, jit) == (None, 0, "")
    assert seen == [
        "KERAS_BACKEND",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_DETERMINISTIC_OPS",
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "TF_NUM_INTEROP_THREADS",
        "TF_NUM_INTRAOP_THREADS",
    ]
    files = {
        path.relative_to(tmp_path / "home").as_posix() for path in (tmp_path / "home").rglob("*") if path.is_file()
    }
    assert files == set(HOME)


@pytest.mark.parametrize(
    ("backend", "complaint"),
    [
        ("jax", "'jax' is not installed here; `pip install jax`, or choose tensorflow"),
        ("theano", "input should be 'tensorflow', 'jax' or 'torch'"),
    ],
)
def test_a_backend_that_is_not_there_is_one_line(tmp_path, monkeypatch, backend, complaint):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps({"runtime": {**RUNTIME.model_dump(), "backend": backend}}))
    with pytest.raises(InputError) as error:
        read(Params, path)
    assert str(error.value).startswith(f"{path}: runtime.backend")
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)
