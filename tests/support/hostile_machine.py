"""Settings of a machine that differs from this one in all that must not change a result."""

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
}
PREFIX = "umask 077; taskset -c 0"  # prefix of a command line: one core
FOLDER_NAME = "another folder"
