"""The cache sizes by which Eigen, within TensorFlow, cuts matrix products: made the same on every machine.

Eigen asks the processor. Where one thread does a product, of few rows or of one image's gradients, it sums as many terms at a time as fit
into the first level (400 with 32 KiB): with another size it adds in another order. The other levels decide what one thread does. Eigen has
`setCpuCacheSizes` for this, which TensorFlow does not hand on; so its variable is set where it stands, found by name in the library's
symbol table. Linux only: elsewhere nothing is done.
"""

import ctypes
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LIBRARY = "libtensorflow_cc.so.2"  # which holds the operations
VARIABLE = "_ZZN5Eigen8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
GUARD = f"_ZGV{VARIABLE[2:]}"  # its first byte: has the variable been given its first value?
SIZES = (32 * 2**10, 512 * 2**10, 32 * 2**20)  # bytes: what the machines have that first filled dvc.lock, an AMD Zen 3
SYMTAB = 2  # a section's type
SYMBOL = np.dtype([("name", "<u4"), ("kind", "<u4"), ("value", "<u8"), ("size", "<u8")])


@dataclass(frozen=True)
class Library:
    """A library that is loaded into this process, and where."""

    path: Path
    base: int


def set_cache_sizes(sizes: tuple[int, int, int] = SIZES) -> bool:
    """Let Eigen take the first, second and third level of caches for this large, bytes; call it after keras is imported.

    False where TensorFlow is not loaded, or has not the variable: then sizes are the processor's.
    """
    library = find_library(LIBRARY)
    places = symbol_addresses(library, [VARIABLE, GUARD]) if library else {}
    if len(places) < 2:
        return False
    sizes_at(places[VARIABLE])[:] = list(sizes)
    ctypes.c_ubyte.from_address(places[GUARD]).value = 1
    return True


def sizes_at(address: int) -> ctypes.Array[ctypes.c_ssize_t]:
    """The variable: three sizes."""
    return (ctypes.c_ssize_t * 3).from_address(address)


def find_library(name: str, maps: Path = Path("/proc/self/maps")) -> Library | None:
    """The library of that file name in this process; None where there is none, or where the system does not tell."""
    for line in maps.read_text().splitlines() if maps.exists() else []:
        addresses, *_, path = line.split(maxsplit=5)
        if Path(path).name == name:
            return Library(Path(path), int(addresses.partition("-")[0], 16))  # the file's begin is loaded first
    return None


def symbol_addresses(library: Library, names: list[str]) -> dict[str, int]:
    """Where variables stand in this process, by name; those that the library's symbol table has not, as of a stripped one, are left out."""
    with library.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {name: library.base + value for name in names if (value := symbol_value(content, name)) is not None}


def symbol_value(content: mmap.mmap, name: str) -> int | None:
    """A symbol's value in an ELF file of 64 bits (System V ABI, chapter 4), None where its table of symbols has none of that name."""
    (start,), (size, count) = struct.unpack_from("<Q", content, 40), struct.unpack_from("<HH", content, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, start + size * place) for place in range(count)]
    for kind, offset, length, strings in [(each[1], each[4], each[5], each[6]) for each in sections]:
        if kind == SYMTAB:
            begin, end = sections[strings][4], sections[strings][4] + sections[strings][5]
            if (found := content.find(b"\0" + name.encode() + b"\0", begin, end)) < 0:
                return None
            table = np.frombuffer(content[offset : offset + length], SYMBOL)
            return int(table["value"][table["name"] == found + 1 - begin][0])
    return None
