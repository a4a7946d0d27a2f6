"""Which sources of pictures there are: the modules of webtoon_genre/crawl/sources, by name."""

import pkgutil
from importlib import import_module
from types import ModuleType

from webtoon_genre.crawl import sources


def source_names() -> list[str]:
    """Names of the sources, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(sources.__path__))


def load_source(name: str) -> ModuleType:
    """The source module `name`."""
    return import_module(f"{sources.__name__}.{name}")
