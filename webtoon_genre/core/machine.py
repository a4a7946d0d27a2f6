"""What a machine tells Python and libraries through environment variables and files, and which of these no result may depend on.

Variables that choose threads, vector instructions, the locale or the time zone stay: they change no result, as tests show. So do those
that a person needs: proxies, credentials, CUDA's devices, TMPDIR, HOME. docs/machine.md lists what the libraries read.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager

FOREIGN = (  # beginnings of names
    "ARROW_",
    "AUTOGRAPH_",
    "CUDNN_",
    "DNNL_",
    "DTENSOR_",
    "DVCLIVE_",
    "JAX_",
    "JOBLIB_",
    "JSIMD_",
    "KERAS_",
    "LOKY_",
    "MATPLOTLIB",
    "MLIR_",
    "MPL",
    "NPY_",
    "NUMPY_",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "OPENCV_",
    "PANDAS_",
    "PYDANTIC_",
    "RUAMEL_",
    "SCIPY_",
    "SCRAPY_",
    "SKLEARN_",
    "TENSORFLOW_",
    "TF2_",
    "TF_",
    "TORCH_",
    "XLA_",
    "YAMLDEBUG",
)
KEPT = {
    "ARROW_USER_SIMD_LEVEL",  # instructions, threads, memory and logs change no result
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_CPU_DISABLE",
    "OPENCV_LOG_LEVEL",
    "TF_CPP_MAX_VLOG_LEVEL",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_GPU_ALLOCATOR",
}
PYTHON = {  # Python's, which has others that change no result
    "PYTHONASYNCIODEBUG",
    "PYTHONCOERCECLOCALE",
    "PYTHONDEVMODE",
    "PYTHONINSPECT",
    "PYTHONIOENCODING",
    "PYTHONOPTIMIZE",
    "PYTHONSAFEPATH",  # `python -m` would find another copy of this project
    "PYTHONWARNINGS",
}


def is_foreign(name: str, value: str) -> bool:
    """Whether a variable could change a result, or stop a run."""
    if name == "PYTHONUTF8":
        return value == "0"  # file names in any script need UTF-8
    return name in PYTHON or (name.startswith(FOREIGN) and name not in KEPT)


def neutral(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without foreign variables."""
    return {name: value for name, value in environment.items() if not is_foreign(name, value)}


def clear_environment() -> None:
    """Remove foreign variables of this process, for libraries that are not imported yet."""
    for name in os.environ.keys() - neutral(os.environ).keys():
        del os.environ[name]


def restart_in_neutral_environment(module: str) -> None:
    """Start this process again, without foreign variables, if it is `python -m module` and has any.

    Python and the libraries that a module imports read them before its first line runs.
    """
    spec = sys.modules["__main__"].__spec__
    environment = neutral(os.environ)
    if spec is not None and spec.name == module and environment != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


@contextmanager
def hidden_configuration() -> Iterator[None]:
    """Hide the user's files of matplotlib and Keras for an import of either; Keras imports matplotlib, too.

    At its import matplotlib reads a matplotlibrc in the working folder or the home, fails where it is broken, and lists the machine's
    fonts. Keras reads keras.json, or writes one. In an empty working folder, without a home, both have their defaults.
    """
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        settings = {
            "KERAS_HOME": os.devnull,
            "MATPLOTLIBRC": os.devnull,
            "MPLBACKEND": "agg",
            "MPLCONFIGDIR": folder,
            "MPL_IGNORE_SYSTEM_FONTS": "1",
        }
        os.environ.update(settings)
        try:
            yield
        finally:
            for name in settings:  # fonts.py adds a font that MPL_IGNORE_SYSTEM_FONTS would exclude
                del os.environ[name]
