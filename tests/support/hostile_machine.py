"""Settings of a machine that differs from this one in all that must not change a result: variables, a home, a working folder."""

from pathlib import Path

ENVIRONMENT = {
    "PYTHONHASHSEED": "4711",
    "LC_ALL": "POSIX",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "TZ": "Pacific/Kiritimati",
    "OMP_NUM_THREADS": "7",
    "PYTHONPATH": str(Path(__file__).parent / "hostile"),  # lists files in another order
    "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4,AVX512_ICL,AVX512_SPR",  # an older processor, for the libraries that have a switch
    "OPENBLAS_CORETYPE": "Nehalem",
    "OPENCV_CPU_DISABLE": "AVX,FP16,AVX2,AVX512-SKX",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    # what follows would change bytes or stop a stage that let it reach Python or a library
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "DVCLIVE_RESUME": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPL_IGNORE_SYSTEM_FONTS": "1",
    "OMP_DYNAMIC": "true",
    "OPENCV_IO_MAX_IMAGE_PIXELS": "1",
    "PANDAS_FUTURE": "upcoming",
    "PYTHONIOENCODING": "ascii",
    "PYTHONOPTIMIZE": "2",
    "SCIPY_ARRAY_API": "1",
    "SCRAPY_PROJECT": "nobody",
    "SCRAPY_SETTINGS_MODULE": "no_such_module",
    "SKLEARN_ASSUME_FINITE": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "XLA_FLAGS": "--no_such_flag",
    "http_proxy": "http://127.0.0.1:9",
}
PREFIX = "umask 077; taskset -c 0"  # prefix of a command line: one core
FOLDER_NAME = "another folder"
MATPLOTLIBRC = """
# 그림 설정, in a Windows encoding: matplotlib cannot read this file
figure.facecolor: black
font.size: 20
savefig.bbox: tight
text.usetex: True
""".encode("cp949")
HOME = {  # files of the home
    ".keras/keras.json": b'{"floatx": "float16", "epsilon": 0.5, "backend": "jax", "image_data_format": "channels_first"}',
    ".config/matplotlib/matplotlibrc": MATPLOTLIBRC,
    ".config/matplotlib/stylelib/mine.mplstyle": MATPLOTLIBRC,
    ".config/scrapy.cfg": b"[settings]\ndefault = no_such_module\n",
    ".config/dvc/config": b"[core]\n    autostage = true\n",
    ".scrapy.cfg": b"[settings]\ndefault = no_such_module\n",
    ".great_expectations/great_expectations.conf": b"[analytics]\ndata_context_id = nobody\n",
    ".gitconfig": b"[core]\n    autocrlf = true\n[user]\n    name = t\n    email = t@example.org\n",
    ".netrc": b"default login nobody password secret\n",  # pragma: allowlist secret
}
FOLDER = {  # files of the working folder
    "matplotlibrc": MATPLOTLIBRC,
    "scrapy.cfg": b"[settings]\ndefault = no_such_module\n",
}


def environment(home: Path) -> dict[str, str]:
    """Return ENVIRONMENT with a new home at `home`."""
    write(home, HOME)
    return ENVIRONMENT | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
    }


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files by their paths in `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
