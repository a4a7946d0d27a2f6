"""The service as a process: it listens at an address until SIGTERM, answers what it has taken, and logs no picture."""

import importlib
from pathlib import Path

from webtoon_genre.core.errors import InputError
from webtoon_genre.data.images import silent_decoders
from webtoon_genre.inference.head import load_head
from webtoon_genre.inference.model import load_model

SECONDS = 30  # for what was taken before the end


def serve_model(folder: Path, host: str, port: int) -> None:
    """Serve the model in `folder`; InputError where the extra `serve` is not installed."""
    try:
        importlib.import_module("fastapi")
        uvicorn = importlib.import_module("uvicorn")
    except ImportError as error:
        raise InputError(f"serve needs {error.name}; install the extra: pip install 'webtoon-genre[serve]'") from None
    from webtoon_genre.service.app import create_app

    app = create_app(load_model(folder), load_head(folder))
    with silent_decoders():
        uvicorn.run(app, host=host, port=port, access_log=False, timeout_graceful_shutdown=SECONDS, log_level="info")
