"""The HTTP service: predict, explain and similar for uploaded pictures, a page for people, metrics, documentation that works offline."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as Metric
from swagger_ui_bundle import swagger_ui_path

import webtoon_genre
from webtoon_genre.inference import explain as explaining
from webtoon_genre.inference.head import Head
from webtoon_genre.inference.model import BATCH, GenreModel, Prediction, Unreadable
from webtoon_genre.inference.pictures import Picture, read_picture
from webtoon_genre.inference.sheets import overlay_scaled
from webtoon_genre.service import answers
from webtoon_genre.service.batching import Batcher, Full
from webtoon_genre.service.uploads import BodyLimit, Limits, Upload, keep_in_memory, read_uploads

PAGE = Path(__file__).parent / "page"
POLICY = (  # Content-Security-Policy: nothing from elsewhere
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
FILES = {  # the body of a request, for OpenAPI
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": answers.Refusal, "description": "The form is malformed."},
    408: {"model": answers.Refusal, "description": "The request arrives too slowly."},
    413: {"model": answers.Refusal, "description": "Too many bytes or files."},
    415: {"model": answers.Refusal, "description": "The body is no form."},
    422: {"model": answers.Refusal, "description": "No picture can be read."},
    429: {"model": answers.Refusal, "description": "Too many pictures of this client wait."},
    503: {"model": answers.Refusal, "description": "Too many pictures wait."},
}


class Service:
    """A model, its queue and its counters."""

    def __init__(self, model: GenreModel, head: Head, limits: Limits):
        self.model, self.head, self.limits = model, head, limits
        self.batcher = Batcher(self._predict, BATCH, limits.waiting)
        self.decoders = ThreadPoolExecutor(os.cpu_count() or 1)
        self.clients: Counter[str] = Counter()
        self.registry = CollectorRegistry()
        self.requests = Metric("requests", "Requests by path and status.", ["path", "status"], registry=self.registry)
        self.pictures = Metric("pictures", "Pictures by outcome.", ["outcome"], registry=self.registry)
        self.seconds = Histogram("request_seconds", "Seconds to answer.", ["path"], registry=self.registry)
        self.waiting = Gauge("waiting_pictures", "Pictures in the queue.", registry=self.registry)
        self.waiting.set_function(lambda: self.batcher.waiting)

    def _predict(self, pictures: list[Picture]) -> Sequence[Prediction | Unreadable]:
        return self.model.predict_batch(pictures)

    @contextmanager
    def place(self, client: str, pictures: int) -> Iterator[None]:
        """Count a client's pictures while they are answered; HTTPException 429 where it has too many."""
        if self.clients[client] + pictures > self.limits.client:
            raise HTTPException(
                429, f"more than {self.limits.client} pictures of this client wait", {"Retry-After": "1"}
            )
        self.clients[client] += pictures
        try:
            yield
        finally:
            self.clients[client] -= pictures
            if self.clients[client] <= 0:
                del self.clients[client]

    async def predict(self, request: Request) -> list[Prediction | Unreadable]:
        """The results of a request's files, in order; HTTPException where none can be read or too many wait."""
        uploads = await read_uploads(request, self.limits)
        with self.place(request.client.host if request.client else "", len(uploads)):
            results = await self.predict_uploads(uploads)
        for result in results:
            self.pictures.labels("unreadable" if isinstance(result, Unreadable) else "predicted").inc()
        bad = [result for result in results if isinstance(result, Unreadable)]
        if len(bad) == len(results):
            raise HTTPException(422, "; ".join(f"{result.name}: {result.error}" for result in bad))
        return results

    async def predict_uploads(self, uploads: list[Upload]) -> list[Prediction | Unreadable]:
        """Decode files beside each other, and let the readable ones share a batch with those of other requests."""
        loop, rule = asyncio.get_running_loop(), self.model.rule
        if self.batcher.waiting + len(uploads) > self.limits.waiting:
            raise busy()
        tasks = [loop.run_in_executor(self.decoders, read_picture, item.content, item.name, rule) for item in uploads]
        pictures = await asyncio.gather(*tasks)
        readable = [picture for picture in pictures if picture.pixels is not None]
        try:
            predictions = iter(await self.batcher.run(readable) if readable else [])
        except Full:
            raise busy() from None
        return [
            Unreadable(picture.name, picture.error) if picture.pixels is None else next(predictions)
            for picture in pictures
        ]


def busy() -> HTTPException:
    """The refusal of a request that finds no room in the queue."""
    return HTTPException(503, "too many pictures wait; try again", {"Retry-After": "1"})


def create_app(model: GenreModel, head: Head, limits: Limits = Limits()) -> FastAPI:  # noqa: B008  (frozen)
    """The application; it serves one model."""
    keep_in_memory(limits)
    service = Service(model, head, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        yield
        await service.batcher.stop()
        service.decoders.shutdown()

    app = FastAPI(
        title="webtoon-genre",
        version=webtoon_genre.__version__,
        description="Genres of webtoon thumbnails by drawing style. Pictures stay in memory and are not logged.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.openapi_version = "3.0.2"  # the newest that the bundled documentation page shows
    app.add_middleware(BodyLimit, limit=limits.request_bytes)
    app.state.service = service
    add_measurement(app, service)
    add_pages(app)
    add_endpoints(app, service)
    return app


def add_measurement(app: FastAPI, service: Service) -> None:
    """Count every request, and tell browsers to load nothing from elsewhere."""

    @app.middleware("http")
    async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        route = request.url.path if request.url.path in PATHS else "other"
        with service.seconds.labels(route).time():
            response = await call_next(request)
        service.requests.labels(route, str(response.status_code)).inc()
        response.headers["X-Content-Type-Options"] = "nosniff"
        if not request.url.path.startswith("/docs"):
            response.headers["Content-Security-Policy"] = POLICY
        return response


PATHS = ("/", "/predict", "/explain", "/similar", "/health", "/metrics", "/docs", "/openapi.json")


def add_pages(app: FastAPI) -> None:
    """The page for people, and the documentation of the API, from this package alone."""
    app.mount("/page", StaticFiles(directory=PAGE))
    app.mount("/docs-files", StaticFiles(directory=swagger_ui_path))

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    def documentation() -> HTMLResponse:
        files = "/docs-files"
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="webtoon-genre",
            swagger_js_url=f"{files}/swagger-ui-bundle.js",
            swagger_css_url=f"{files}/swagger-ui.css",
            swagger_favicon_url=f"{files}/favicon-32x32.png",
        )


def add_endpoints(app: FastAPI, service: Service) -> None:
    """The endpoints for programs."""
    model = service.model

    @app.post("/predict", openapi_extra=FILES, responses=REFUSALS)
    async def predict(request: Request) -> answers.PredictAnswer:
        """Name the genre of one or many pictures, with calibrated probabilities."""
        results = await service.predict(request)
        return answers.PredictAnswer(predictions=[answers.picture_answer(result) for result in results])

    @app.post("/similar", openapi_extra=FILES, responses=REFUSALS)
    async def similar(request: Request, number: Annotated[int, Query(ge=1, le=50)] = 10) -> answers.SimilarAnswer:
        """Find the titles that are nearest in drawing style to one or many pictures."""
        results = await service.predict(request)
        neighbours_of = [model.similar(result, number) if isinstance(result, Prediction) else [] for result in results]
        return answers.SimilarAnswer(
            pictures=[
                answers.similar_picture(result, neighbours, model.titles)
                for result, neighbours in zip(results, neighbours_of, strict=True)
            ]
        )

    @app.post("/explain", openapi_extra=FILES, responses=REFUSALS)
    async def explain(request: Request, number: Annotated[int, Query(ge=1, le=10)] = 2) -> answers.ExplainAnswer:
        """Show where the first picture speaks for its most probable labels, and where against them."""
        result = (await service.predict(request))[0]
        if isinstance(result, Unreadable):
            raise HTTPException(422, f"{result.name}: {result.error}")
        explanation = await asyncio.to_thread(explaining.explain, model, service.head, result, number)
        images = overlay_scaled(result.pixels, explanation.heat)
        return answers.ExplainAnswer(
            picture=result.name,
            heat=[
                answers.Heat(label=label, probability=result.probabilities[label], image=answers.data_url(image))
                for label, image in zip(explanation.labels, images, strict=True)
            ],
        )

    @app.get("/health")
    def health() -> answers.Health:
        """Whether the service answers, and with which model."""
        return answers.Health(status="ok", backbone=model.config.backbone, classes=model.classes)

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        """Counters for Prometheus, as text."""
        return PlainTextResponse(generate_latest(service.registry), media_type="text/plain; version=0.0.4")

    @app.get("/names", include_in_schema=False)
    def names() -> JSONResponse:
        return JSONResponse({label: name.model_dump() for label, name in model.config.names.items()})
