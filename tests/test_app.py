"""The page to drop a photo into: who gets in, what is answered, what is refused, and that it stays up."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from PIL import Image
from test_hostile import REFUSED, saved
from test_report import NASTY, Page, bundle_of
from torch import nn
from torchvision import models

from conftest import COLOURS, draw
from course_utils.data import Preprocessing
from course_utils.deploy import app
from course_utils.deploy.app import COOKIE, LARGEST_UPLOAD, Model, serve
from course_utils.deploy.bundle import Bundle, load_bundle
from course_utils.deploy.looked import lit, seen, where_it_looked
from course_utils.deploy.predict import predict_files, published_accuracy
from course_utils.errors import CourseError

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BOUNDARY = "zzz"
HALF = saved("JPEG")[: len(saved("JPEG")) // 2]
"""Of a picture."""


class Site:
    """A running page, asked as a browser would ask it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.host, query = urlsplit(address).netloc, urlsplit(address).query
        self.token = query.removeprefix("token=")

    def ask(
        self, path: str = "/", body: bytes | None = None, *, method: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        given = {"Cookie": f"{COOKIE}={self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, given)
        answer = connection.getresponse()
        with contextlib.closing(connection):
            return answer.status, dict(answer.getheaders()), answer.read()

    def send(self, content: bytes, field: str = "picture") -> tuple[int, str]:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="x.jpg"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        status, _, page = self.ask("/", body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
        return status, page.decode()


@contextlib.contextmanager
def served(model: Model) -> Iterator[Site]:
    found, loop = [], asyncio.new_event_loop()
    ready = threading.Event()

    async def run() -> None:
        await serve(model, port=0, ready=lambda address: (found.append(address), ready.set()))

    def work() -> None:
        asyncio.set_event_loop(loop)
        with contextlib.suppress(asyncio.CancelledError):
            task = loop.create_task(run())
            stop.append(task)
            loop.run_until_complete(task)
        loop.close()

    stop: list[asyncio.Task] = []
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield Site(found[0])
    finally:
        loop.call_soon_threadsafe(stop[0].cancel)
        thread.join(30)


@pytest.fixture(scope="module")
def site(probe_bundle) -> Iterator[Site]:
    with served(Model("probe", load_bundle(probe_bundle))) as site:
        yield site


@pytest.fixture
def jay(tmp_path) -> Path:
    return draw(tmp_path / "jay.png", COLOURS["jay"], 1)


def test_a_picture_is_named_as_the_command_names_it(site, probe_bundle, jay):
    status, text = site.send(jay.read_bytes())
    (found,) = predict_files(load_bundle(probe_bundle), [jay])
    page = Page(text.split("<script")[0] + "</body></html>")
    for name, share in found.answers:
        assert f"{name} {100 * share:.1f}%" in page.text
    test = load_bundle(probe_bundle).facts.score("test")
    assert status == 200 and f"Of {test.n} test pictures it names {test} rightly" in page.text


def test_it_says_where_the_model_looked(site, jay):
    _, text = site.send(jay.read_bytes())
    (path,) = re.findall(r'src="(/looked/[\w-]+)"', text)
    status, headers, content = site.ask(path)
    assert status == 200 and headers["Content-Type"] == "image/jpeg"
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (64, 64)
    assert site.ask("/looked/another")[0] == 404


def test_only_the_last_pictures_are_kept(site, jay, monkeypatch):
    monkeypatch.setattr(app, "KEPT", 2)
    paths = [re.findall(r"/looked/[\w-]+", site.send(jay.read_bytes())[1])[0] for _ in range(3)]
    assert [site.ask(path)[0] for path in paths] == [404, 200, 200]


def test_nobody_comes_in_without_the_token(site, jay):
    for cookie in ("", f"{COOKIE}=", f"{COOKIE}=wrong", f"other={site.token}"):
        for path in ("/", "/looked/x", "/?token=", "/?token=wrong"):
            status, _, text = site.ask(path, Cookie=cookie)
            assert status == 403 and b"token included" in text and b"<form" not in text
        assert site.ask("/", jay.read_bytes(), Cookie=cookie)[0] == 403
    status, headers, _ = site.ask(f"/?token={site.token}", Cookie="")
    assert status == 302 and headers["Location"] == "/"
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in headers["Set-Cookie"].split(";")}
    assert site.ask()[0] == 200


def test_another_site_can_not_speak_in_its_name(site):
    """A page elsewhere may point a name of its own to this machine (DNS rebinding)."""
    assert site.ask("/", Host="evil.example")[0] == 404
    _, headers, text = site.ask()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    (nonce,) = re.findall(r"'nonce-([\w-]+)'", policy)
    assert f'<script nonce="{nonce}">' in text.decode() and text.count(b"<script") == 1
    assert nonce not in site.ask()[1]["Content-Security-Policy"]


def test_any_other_address_and_method(site):
    assert site.ask("/etc/passwd")[0] == 404 and site.ask("/static/../app.py")[0] == 404
    assert site.ask("/", method="DELETE")[0] == 405


def huge(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (side, side)).save(stream, "PNG")
    return stream.getvalue()


def test_what_is_refused_gets_a_friendly_sentence_and_the_page_stays_up(site, jay):
    bad = {
        "damaged": HALF,
        "no picture": b"hello",
        "No picture came": b"",
        "100 million pixels": huge(10_000),
        "far too many pixels": huge(14_000),
        "larger than 30 MB": bytes(LARGEST_UPLOAD + 2**20),
    }
    for told, content in bad.items():
        status, text = site.send(content)
        assert told in Page(text.split("<script")[0] + "</body></html>").text
        assert status == (413 if "MB" in told else 400)
        assert 'role="alert"' in text and "<form" in text and "Traceback" not in text
        assert site.send(jay.read_bytes())[0] == 200


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Image size")
def test_hostile_files_are_refused(site, jay):
    for name, content in REFUSED.items():
        status, text = site.send(bytes(content))
        assert status == 400 and 'role="alert"' in text, name
    assert site.send(jay.read_bytes())[0] == 200


def test_what_is_no_form_is_refused(site):
    for kind, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=a", b"--a\r\n\r\n"),
        ("text/plain", b"x"),
        ("application/x-www-form-urlencoded", b"picture=x"),
        ("", b"x"),
    ):
        assert site.ask("/", body, Content_Type=kind)[0] == 400, kind
    assert site.ask()[0] == 200


@pytest.mark.filterwarnings("ignore:No font here")
def test_names_are_shown_as_they_are(monkeypatch):
    bundle = bundle_of(NASTY, [(k, k, 0.9) for k in range(len(NASTY))], weights=NASTY[0], data=NASTY[1])
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, len(NASTY)))
    shown = Bundle(model.eval(), "resnet18", tuple(NASTY), 64, Preprocessing(64, 64), 1.0, bundle.facts)
    monkeypatch.setattr(app, "TOP", len(NASTY))
    with served(Model(NASTY[0], shown)) as site:
        status, text = site.send(saved("PNG"))
    page = Page(text.split("<script nonce")[0] + "</body></html>")
    assert status == 200 and "<script>alert(1)</script>" in page.text and "script" not in page.tags


@pytest.fixture
def twenty(probe_bundle, tmp_path) -> tuple[list[Path], list[str]]:
    """Picture files of all classes, and what the model calls them."""
    files = [draw(tmp_path / f"{k}.png", [*COLOURS.values()][k % 3], k) for k in range(20)]
    names = [found.answers[0][0] for found in predict_files(load_bundle(probe_bundle), files)]
    assert {*names} == {*COLOURS}
    return files, names


def test_twenty_visitors_at_once(site, twenty):
    """Each gets the answer to their own picture."""
    files, names = twenty
    with ThreadPoolExecutor(20) as visitors:
        pages = [*visitors.map(lambda file: site.send(file.read_bytes()), files)]
        maps = [*visitors.map(lambda page: site.ask(re.findall(r"/looked/[\w-]+", page[1])[0])[0], pages)]
    assert [status for status, _ in pages] == [200] * 20
    assert [re.search(r"<li><div><span>(\w+)", text)[1] for _, text in pages] == names
    assert maps == [200] * 20


class Corner(nn.Module):
    """Is sure of class 1 as far as the upper left eighth is bright."""

    def forward(self, x):
        side = x.shape[-1] // 8
        bright = x[:, :, :side, :side].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 8 * bright], 1)


def test_where_it_looked_is_where_the_answer_comes_from():
    preprocessing = Preprocessing(64, 64, mean=(0.5,) * 3, std=(0.5,) * 3)
    bundle = Bundle(Corner(), "corner", ("dark", "bright"), 64, preprocessing, 1.0)
    bundle.model.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    prepared = bundle.prepare(Image.new("RGB", (64, 64), "white"))
    lost = where_it_looked(bundle, prepared, 1)
    assert lost[:8, :8].min() > 2 and lost[24:, :].abs().max() < 1e-3 and lost[:, 24:].abs().max() < 1e-3
    picture = lit(seen(bundle, prepared), lost)
    assert picture[:, :4, :4].min() > 200 and picture[:, 40:, 40:].max() < 90
    assert lit(picture, torch.full((64, 64), 0.01)).float().mean() < 0.35 * picture.float().mean()
    assert torch.equal(seen(bundle, prepared), torch.full((3, 64, 64), 255, dtype=torch.uint8))


def test_what_a_publisher_says_of_weights():
    assert (
        published_accuracy("resnet50")
        == models.ResNet50_Weights.DEFAULT.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    )
    assert published_accuracy("efficientnet_lite0") is None


def test_a_port_that_is_taken(site, probe_bundle):
    port = int(site.host.split(":")[1])
    with pytest.raises(CourseError, match=rf"Port {port} can't be had .* --port"):
        asyncio.run(serve(Model("probe", load_bundle(probe_bundle)), port=port, ready=print))


@pytest.fixture(scope="module")
def address(probe_bundle) -> Iterator[str]:
    """Of ``course app``, started as a person would start it."""
    command = [sys.executable, "-m", "course_utils", "app", str(probe_bundle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", running.stdout.readline())[0]
        finally:
            running.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable]:
    """Opens a page of a given width for a visitor of their own."""
    playwright = pytest.importorskip("playwright.sync_api")
    if BROWSER is None:
        pytest.skip("There is no chromium here: the page is not tested in a browser.")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=BROWSER, args=QUIET)

        def visit(width: int = 1100):
            page = running.new_context(viewport={"width": width, "height": 850}).new_page()
            page.outside = []
            page.on(
                "request", lambda r: page.outside.append(r.url) if "127.0.0.1" not in r.url[:20] else None
            )
            page.on("console", lambda message: page.outside.append(message.text))
            return page

        yield visit
        running.close()


def answered(page) -> str:
    page.wait_for_selector(".found, .refused", timeout=60_000)
    return page.inner_text("main")


@pytest.mark.parametrize("width", [1100, 360])
def test_a_person_drops_a_photo(browser, address, tmp_path, probe_bundle, width):
    page = browser(width)
    page.goto(address)
    assert "token" not in page.url and "Drop a picture here" in page.inner_text("main")
    photo = draw(tmp_path / "w.png", COLOURS["wren"], 1, (600, 400))
    (found,) = predict_files(load_bundle(probe_bundle), [photo])
    page.set_input_files("input[type=file]", photo)
    assert re.search(rf"The model says\s+{found.answers[0][0]}", answered(page))
    for _ in range(600):
        if page.locator("#looked").evaluate("image => image.naturalWidth"):
            break
        page.wait_for_timeout(100)
    assert page.locator("#looked").evaluate("image => image.naturalWidth") == 64
    assert page.evaluate("document.documentElement.scrollWidth") == width
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(HALF)
    page.set_input_files("input[type=file]", broken)
    page.wait_for_selector(".refused")
    assert "damaged" in page.inner_text("[role=alert]") and page.locator("form").count() == 1
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(LARGEST_UPLOAD + 1))
    page.set_input_files("input[type=file]", large)
    assert "larger than 30 MB" in page.inner_text(".drop")
    page.set_input_files("input[type=file]", photo)
    page.wait_for_selector(".found")
    assert [text for text in page.outside if not text.startswith(("data:", "Failed to load resource"))] == []


def test_a_room_of_twenty(browser, address, twenty):
    files, names = twenty
    pages = [browser(390) for _ in files]
    for page in pages:
        page.goto(address)
    for page, file in zip(pages, files, strict=True):
        page.set_input_files("input[type=file]", file, no_wait_after=True)
    assert [re.search(r"The model says\s+(\w+)", answered(page))[1] for page in pages] == names
