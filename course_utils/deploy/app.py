"""A page to drop a photo into: what the model says, where it looked, and how good it is. Pictures stay in memory only."""

from __future__ import annotations

import asyncio
import base64
import io
import secrets
import warnings
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

import jinja2
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPInputError, HTTPServerRequest, parse_body_arguments
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from course_utils.data.decode import formats, open_rgb
from course_utils.deploy.bundle import Bundle
from course_utils.deploy.looked import lit, seen, where_it_looked
from course_utils.deploy.pages import template
from course_utils.deploy.predict import published_accuracy
from course_utils.errors import CourseError
from course_utils.notebook.style import readable_names
from course_utils.training.hardware import Hardware

LARGEST_UPLOAD, LARGEST_PIXELS = 30 * 2**20, 64_000_000
"""Bytes and pixels of a picture that is taken: enough for any phone."""
KEPT = 64
"""Pictures whose page can still ask where the model looked."""
TOP = 5
COOKIE = "course-token"


class Refused(Exception):
    """A picture that is not taken; the message is for whoever sent it."""


@dataclass(eq=False)
class Model:
    """What answers visitors: a bundle, its pictures of the last visitors, and a worker for answers and one for maps.

    Attributes:
        title: What the model is called.
        bundle: The model.
        names: Its classes, as people write them.
        kept: What was prepared of a picture, and the number of the answer, by a name that nobody can guess.
    """

    title: str
    bundle: Bundle
    names: list[str] = field(init=False)
    kept: OrderedDict[str, tuple[Tensor, int]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.names = readable_names(self.bundle.classes)
        Hardware.find().place(self.bundle.model)
        # An answer never waits for the maps of others.
        self._answers, self._maps = (ThreadPoolExecutor(max_workers=1) for _ in range(2))

    def told(self) -> dict[str, Any]:
        """What the page says of the model."""
        bundle = self.bundle
        return {
            "title": self.title,
            "bundle": bundle,
            "facts": bundle.facts,
            "names": self.names,
            "published": None if bundle.facts else published_accuracy(bundle.name),
        }

    async def answer(self, content: bytes) -> dict[str, Any]:
        """What the page shows of a picture file.

        Raises:
            Refused: It is no picture that is taken.
        """
        return await asyncio.get_running_loop().run_in_executor(self._answers, self._answer, content)

    async def map(self, key: str) -> bytes | None:
        """A JPEG of where the model looked; None for a picture that is no longer kept."""
        if key not in self.kept:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._maps, self._map, *self.kept[key])

    def _answer(self, content: bytes) -> dict[str, Any]:
        prepared = self.bundle.prepare(opened(content))
        with torch.inference_mode():
            logits = Hardware.find().answer(self.bundle.model, prepared[None])
        shares = self.bundle.probabilities(logits.cpu())[0]
        values, places = shares.topk(min(TOP, len(self.names)))
        key = secrets.token_urlsafe(16)
        self.kept[key] = prepared, int(places[0])
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        answers = [(self.names[k], value) for k, value in zip(places.tolist(), values.tolist(), strict=True)]
        return {
            "answers": answers,
            "seen": base64.b64encode(_jpeg(seen(self.bundle, prepared))).decode("ascii"),
            "key": key,
        }

    def _map(self, prepared: Tensor, answer: int) -> bytes:
        return _jpeg(lit(seen(self.bundle, prepared), where_it_looked(self.bundle, prepared, answer)))


def opened(content: bytes) -> Image.Image:
    """An uploaded file as an upright RGB picture.

    Raises:
        Refused: It is none, it is damaged, or it is larger than any phone's.
    """
    if not content:
        raise Refused("No picture came. Choose one first.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=formats()) as header:
                width, height = header.size
            if width * height > LARGEST_PIXELS:
                raise Refused(_too_large(f"{width * height / 1e6:,.0f} million pixels"))
            return open_rgb(content, "This picture")
    except Image.DecompressionBombError as error:
        raise Refused(_too_large("far too many pixels")) from error
    except (CourseError, UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        damaged = isinstance(error, CourseError) and "damaged" in str(error)
        raise Refused(
            "This picture is damaged, or only a part of it came. Try to send it again, or send another one."
            if damaged
            else "This file is no picture that can be read here. JPEG, PNG and WebP are; a HEIC file of a phone is not."
        ) from error


def _too_large(found: str) -> str:
    return (
        f"This picture has {found}; up to {LARGEST_PIXELS / 1e6:.0f} million are taken. Send a smaller copy."
    )


def _jpeg(picture: Tensor) -> bytes:
    stream = io.BytesIO()
    to_pil_image(picture).save(stream, "JPEG", quality=88)
    return stream.getvalue()


class Visitor(RequestHandler):
    """A request of somebody who has the token: from the address that the command printed, then from a cookie."""

    def initialize(self, model: Model, token: str, page: jinja2.Template) -> None:
        self.model, self.token, self.page = model, token, page

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.nonce = secrets.token_urlsafe(12)
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'nonce-{self.nonce}'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )

    def prepare(self) -> None:
        given = self.get_query_argument("token", "")
        if given and compare_digest(given.encode(), self.token.encode()):
            self.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
            self.redirect(self.request.path)
        elif not compare_digest(self.get_cookie(COOKIE, "").encode(), self.token.encode()):
            raise HTTPError(403)

    def write_error(self, status_code: int, **_: Any) -> None:
        """One sentence in the page's own look."""
        said = {
            403: "This page opens with the address that the command has printed, token included.",
            404: "There is nothing here.",
        }.get(status_code, "Something went wrong on this side. The server is still up: try again.")
        self.show(refused=said, locked=status_code in (403, 404))

    def show(self, *, refused: str = "", locked: bool = False, **found: Any) -> None:
        shown = {"nonce": self.nonce, "refused": refused, "locked": locked, "found": found}
        text = self.page.render(self.model.told(), largest=LARGEST_UPLOAD, **shown)
        self.finish(text.encode("utf-8", "backslashreplace"))  # a folder's name may be no UTF-8


@stream_request_body
class Page(Visitor):
    """The page, and what comes of a picture. A body that is too large is read to its end, so that the visitor is told."""

    def prepare(self) -> None:
        self.body, self.too_large = bytearray(), False
        super().prepare()

    def data_received(self, chunk: bytes) -> None:
        self.too_large = self.too_large or len(self.body) + len(chunk) > LARGEST_UPLOAD + 2**16
        if self.too_large:
            self.body.clear()
        else:
            self.body += chunk

    def get(self) -> None:
        self.show()

    async def post(self) -> None:
        try:
            if self.too_large:
                raise Refused(f"This file is larger than {LARGEST_UPLOAD // 2**20} MB. Send a smaller copy.")
            self.show(**await self.model.answer(_uploaded(self.request, bytes(self.body))))
        except Refused as refused:
            self.set_status(413 if self.too_large else 400)
            self.show(refused=str(refused))


def _uploaded(request: HTTPServerRequest, body: bytes) -> bytes:
    """The file in a form's body."""
    files: dict[str, list[Any]] = {}
    try:
        parse_body_arguments(request.headers.get("Content-Type", ""), body, {}, files)
    except (HTTPError, HTTPInputError) as error:
        raise Refused("What came is no picture of this page's form.") from error
    return next((part.body for parts in files.values() for part in parts), b"")


class Map(Visitor):
    """Where the model looked in the picture of a page."""

    async def get(self, key: str) -> None:
        content = await self.model.map(key)
        if content is None:
            raise HTTPError(404)
        self.set_header("Content-Type", "image/jpeg")
        self.finish(content)


def application(model: Model, token: str) -> Application:
    """The page as a Tornado application that answers to this machine's own names only."""
    given = {"model": model, "token": token, "page": template("app.html")}
    routes = [(r"/", Page, given), (r"/looked/([\w-]+)", Map, given), (r".*", Nothing, given)]
    made = Application(default_handler_class=Nothing, default_handler_args=given, log_function=lambda _: None)
    made.add_handlers(r"(localhost|127\.0\.0\.1)", routes)
    return made


class Nothing(Visitor):
    """Any other address."""

    def prepare(self) -> None:
        raise HTTPError(404)


async def serve(model: Model, *, port: int, ready: Callable[[str], object]) -> None:
    """Serve on this machine's loopback until the task is cancelled.

    Args:
        model: What answers.
        port: 0 takes any that is free.
        ready: Called with the address, token included, as soon as it works.

    Raises:
        CourseError: The port is taken.
    """
    token = secrets.token_urlsafe(16)
    server = HTTPServer(application(model, token), max_body_size=2**40, max_buffer_size=2**20)
    try:
        sockets = bind_sockets(port, "127.0.0.1")
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"Port {port} can't be had ({reason}). Give another with --port.") from error
    server.add_sockets(sockets)
    ready(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/?token={token}")
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
