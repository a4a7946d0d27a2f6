"""On PYTHONPATH, makes Python list files in another order."""

import os

original_listdir, original_scandir = os.listdir, os.scandir


def listdir(*arguments):
    """Return names in reverse order."""
    return sorted(original_listdir(*arguments), reverse=True)


class scandir:  # noqa: N801 - replaces os.scandir
    """Entries in reverse order, as a context manager and an iterator."""

    def __init__(self, *arguments):
        with original_scandir(*arguments) as entries:
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
        """Do nothing: no directory is open."""


os.listdir, os.scandir = listdir, scandir
