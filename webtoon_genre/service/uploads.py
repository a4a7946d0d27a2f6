"""Pictures of a request, in memory: a form with one or many files, within limits; each refusal has its status."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette import exceptions
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM = "multipart/form-data"
MOST_FIELDS = 4  # that are no files
LONGEST_NAME = 200  # characters of a file's name in an answer


@dataclass(frozen=True)
class Limits:
    """What one request may have, and how much may wait. bytes: of a file. request_bytes: of all. seconds: to send a request.

    waiting: pictures of all requests in the queue. client: pictures of one address that are not answered yet.
    """

    bytes: int = 10_000_000
    request_bytes: int = 32_000_000
    files: int = 32
    seconds: float = 20.0
    waiting: int = 128
    client: int = 64


@dataclass(frozen=True)
class Upload:
    """A file: its name and its content."""

    name: str
    content: bytes


class BodyLimit:
    """Middleware: a body of more than `limit` bytes is refused, by its declared length or while it arrives."""

    def __init__(self, app: ASGIApp, limit: int):
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes of the body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise HTTPException(413, f"the request has more than {self.limit:,} bytes", {"Connection": "close"})
            return message

        await self.app(scope, counted, send)


def keep_in_memory(limits: Limits) -> None:
    """Keep uploads in memory: Starlette writes files of more than a megabyte to disk."""
    MultiPartParser.spool_max_size = limits.request_bytes + 1


async def read_uploads(request: Request, limits: Limits) -> list[Upload]:
    """The files of a form; HTTPException 408, 413, 415 or 422 where there are none, too many, or where they are too long."""
    if not request.headers.get("content-type", "").startswith(FORM):
        raise HTTPException(415, f"send the pictures as files of a form ({FORM})")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.request_bytes:
        raise HTTPException(413, f"the request has more than {limits.request_bytes:,} bytes", {"Connection": "close"})
    try:
        async with (
            asyncio.timeout(limits.seconds),
            request.form(max_files=limits.files, max_fields=MOST_FIELDS) as form,
        ):
            uploads = [
                await read_upload(value, limits) for value in form.getlist("files") if isinstance(value, UploadFile)
            ]
    except TimeoutError:
        raise HTTPException(
            408, f"the request did not arrive within {limits.seconds:g} seconds", {"Connection": "close"}
        ) from None
    except exceptions.HTTPException as error:  # of Starlette: FastAPI's is a subclass
        if "Too many files" in str(error.detail):
            raise HTTPException(413, f"more than {limits.files} files; send fewer at once") from None
        raise
    if not uploads:
        raise HTTPException(422, "the form has no file in its field `files`")
    return uploads


async def read_upload(file: UploadFile, limits: Limits) -> Upload:
    """The content of one file; HTTPException 413 where it is too long."""
    content = await file.read(limits.bytes + 1)
    if len(content) > limits.bytes:
        raise HTTPException(413, f"a file has more than {limits.bytes:,} bytes")
    return Upload((file.filename or "file")[:LONGEST_NAME], content)
