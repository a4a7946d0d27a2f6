"""The cache sizes by which Eigen, in TensorFlow, divides matrix products into blocks: the same on every machine.

By default Eigen takes them from the processor. When one thread computes a product (few rows, or the gradients of one image), it sums as
many terms at a time as fit into the first-level cache (400 with 32 KiB); another size means another order of summation. The other levels
determine which part one thread computes. TensorFlow does not expose Eigen's `setCpuCacheSizes`, so this module finds Eigen's variable
by name in the library's symbol table and sets it in memory. Linux only: elsewhere it does nothing.
"""

import ctypes
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LIBRARY = "libtensorflow_cc.so.2"  # has the operations
VARIABLE = "_ZZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
GUARD = f"_ZGV{VARIABLE[2:]}"  # its first byte says whether the variable is initialised
SIZES = (
    32 * 2**10,
    512 * 2**10,
    32 * 2**20,
)  # bytes: those of the AMD Zen 3 that computed the first results in dvc.lock
SYMTAB = 2  # section type of a symbol table
SYMBOL = np.dtype([("name", "<u4"), ("kind", "<u4"), ("value", "<u8"), ("size", "<u8")])


@dataclass(frozen=True)
class Library:
    """A library loaded into this process, and its base address."""

    path: Path
    base: int


def set_cache_sizes(sizes: tuple[int, int, int] = SIZES) -> bool:
    """Set Eigen's sizes of the first, second and third cache level, in bytes; call it after keras is imported.

    Return False where TensorFlow is not loaded or has no such variable: then the processor's sizes apply.
    """
    library = find_library(LIBRARY)
    addresses = symbol_addresses(library, [VARIABLE, GUARD]) if library else {}
    if len(addresses) < 2:
        return False
    sizes_at(addresses[VARIABLE])[:] = list(sizes)
    ctypes.c_ubyte.from_address(addresses[GUARD]).value = 1
    return True


def sizes_at(address: int) -> ctypes.Array[ctypes.c_ssize_t]:
    """Return the variable at `address`: three sizes."""
    return (ctypes.c_ssize_t * 3).from_address(address)


def find_library(name: str, maps: Path = Path("/proc/self/maps")) -> Library | None:
    """Return the loaded library with that file name; None where there is none, or where the system has no /proc/self/maps."""
    for line in maps.read_text().splitlines() if maps.exists() else []:
        addresses, *_, path = line.split(maxsplit=5)
        if Path(path).name == name:
            return Library(
                Path(path), int(addresses.partition("-")[0], 16)
            )  # the first mapping is the start of the file
    return None


def symbol_addresses(library: Library, names: list[str]) -> dict[str, int]:
    """Return the addresses of variables in this process by name, without those that the symbol table lacks (a stripped library)."""
    with library.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {name: library.base + value for name in names if (value := symbol_value(content, name)) is not None}


def symbol_value(content: mmap.mmap, name: str) -> int | None:
    """Return a symbol's value in a 64-bit ELF file (System V ABI, chapter 4), None where its symbol table lacks the name."""
    (start,), (size, count) = struct.unpack_from("<Q", content, 40), struct.unpack_from("<HH", content, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, start + size * index) for index in range(count)]
    for kind, offset, length, strings in [(header[1], *header[4:7]) for header in sections]:
        if kind == SYMTAB:
            begin, end = sections[strings][4], sections[strings][4] + sections[strings][5]
            if (position := content.find(b"\0" + name.encode() + b"\0", begin, end)) < 0:
                return None
            table = np.frombuffer(content[offset : offset + length], SYMBOL)
            return int(table["value"][table["name"] == position + 1 - begin][0])
    return None
