"""On PYTHONPATH, a machine that lists files in another order."""

import os

listed, scanned = os.listdir, os.scandir


def listdir(*arguments):
    """Last first."""
    return sorted(listed(*arguments), reverse=True)


class scandir:  # noqa: N801 - stands for os.scandir
    """Last first, as a context manager and an iterator."""

    def __init__(self, *arguments):
        with scanned(*arguments) as entries:
            self.entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.entries)

    def close(self):
        """Nothing is held open."""


os.listdir, os.scandir = listdir, scandir
