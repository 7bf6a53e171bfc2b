"""Files made to do harm, and files that are no pictures: each gets a sentence, none runs code, the others are named."""

from __future__ import annotations

import io
import os
import pickle
import socket
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from test_cli import run  # noqa: F401 - a fixture

from conftest import COLOURS, draw
from course_utils.data.collection import read_collection
from course_utils.deploy.bundle import load_bundle
from course_utils.deploy.predict import predict_files
from course_utils.errors import CourseError


class Payload:
    """What a pickle would do to whoever opens it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.system, (f"touch {self.mark}",))


def saved(kind: str, size: tuple[int, int] = (64, 64), **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def png(*chunks: tuple[bytes, bytes], width: int = 8, height: int = 8) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*one) for one in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


ROWS = zlib.compress(bytes(8 * 25))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(mark) (w) file closefile\nshowpage\n"
SCRIPT = b"import pathlib; pathlib.Path('mark').touch()"
TIFF_LOOP = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 0) + struct.pack("<I", 8)
TIFF_TAGS = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 65535) + b"\xff" * 600
REFUSED = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"not a picture",
    "page": b"<!DOCTYPE html><script>alert(1)</script>",
    "drawing": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "script": SCRIPT,
    "shell": b"#!/bin/sh\ntouch mark\n",
    "PostScript": EPS,
    "PostScript behind a preview": b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, len(EPS)) + bytes(20) + EPS,
    "PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "archive": zipped("../../mark", b"x"),
    "zip bomb": zipped("zeros", bytes(10**7)),
    "HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(100),
    "JPEG, its start": saved("JPEG")[:20],
    "JPEG, half": saved("JPEG")[: len(saved("JPEG")) // 2],
    "JPEG, overwritten": saved("JPEG")[:200] + bytes(100),
    "PNG, a wrong checksum": bytearray(saved("PNG")[:40]) + b"!" + saved("PNG")[41:],
    "PNG, half": saved("PNG")[: len(saved("PNG")) // 2],
    "PNG, no pixels": png(),
    "PNG of 2 billion columns": png((b"IDAT", ROWS), width=2**31 - 1, height=2**31 - 1),
    "PNG of 0 columns": png((b"IDAT", ROWS), width=0),
    "PNG, a bomb of texts": png(*[(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(30 * 2**20)))] * 3, (b"IDAT", ROWS)),
    "PNG, 400 megapixels in a few bytes": png((b"IDAT", zlib.compress(bytes(10**6))), width=20_000, height=20_000),
    "GIF, its header": b"GIF89a\xff\xff\xff\xff\x00\x00\x00",
    "GIF, damaged": saved("GIF")[:300] + b"\xff" * 50,
    "TIFF that leads to itself": TIFF_LOOP,
    "TIFF, 65535 tags": TIFF_TAGS,
    "TIFF, half": saved("TIFF")[:500],
    "BMP, upside down and endless": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, -(2**31), 1, 24, *[0] * 6),
    "ICO within itself": b"\x00\x00\x01\x00\x01\x00" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 2**32 - 1, 0),
    "WebP, half": saved("WEBP")[:100],
    "PPM, more than there is": b"P6 100000 100000 255\n" + bytes(100),
    "PPM, words for numbers": b"P6 many pixels 255\n" + bytes(100),
    "PSD, its header": b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 2**31, 2**31, 8, 3),
    "NaN": b"",
}  # fmt: skip


def not_numbers() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(stream, "TIFF")
    return stream.getvalue()


REFUSED["NaN"] = not_numbers()


@pytest.fixture
def ghostscript(tmp_path, monkeypatch) -> Path:
    """A program in the place of Ghostscript that leaves a mark when it is run."""
    mark, program = tmp_path / "bin" / "mark", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    return mark


def test_the_program_would_be_run(ghostscript):
    """That is, the next test can fail."""
    with Image.open(io.BytesIO(EPS)) as picture, pytest.raises(OSError):
        picture.load()
    assert ghostscript.is_file()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Image size")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".eps", ""])
def test_no_file_runs_code_and_each_gets_a_sentence(probe_bundle, tmp_path, monkeypatch, ghostscript, suffix):
    monkeypatch.chdir(tmp_path)
    folder, mark = tmp_path / "pictures", tmp_path / "mark"
    good = draw(folder / "good.png", COLOURS["jay"], 1)
    pickled = {"pickle": pickle.dumps(Payload(mark)), "old pickle": pickle.dumps(Payload(mark), protocol=0)}
    files = []
    for name, content in (REFUSED | pickled).items():
        files.append(folder / f"{name}{suffix}")
        files[-1].write_bytes(content)
    found = list(predict_files(load_bundle(probe_bundle), [*files, good]))
    assert [p.file for p in found] == [str(file) for file in [*files, good]]
    assert not found[-1].error and [p.file for p in found[:-1] if not p.error] == []
    assert all(5 < len(p.error) < 600 and "Traceback" not in p.error for p in found[:-1])
    assert (
        not mark.exists()
        and not ghostscript.exists()
        and sorted(file.name for file in tmp_path.iterdir()) == ["bin", "pictures"]
    )


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Image size")
def test_none_of_them_is_taken_for_a_training_picture(tmp_path, ghostscript):
    for species, colour in COLOURS.items():
        for i in range(8):
            draw(tmp_path / "data" / species / f"{i}.png", colour, i)
    for name, content in REFUSED.items():
        (tmp_path / "data" / "jay" / f"{name}.jpg").write_bytes(content)
    with pytest.raises(CourseError, match=r"--skip-bad"):
        read_collection(tmp_path / "data")
    with pytest.warns(UserWarning, match="files that can't be read"):
        pictures = read_collection(tmp_path / "data", skip_bad=True)
    assert len(pictures.entries) == 24 and not ghostscript.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="This system has no such files.")
def test_what_is_no_file_is_not_waited_for(probe_bundle, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "secret.jpg").symlink_to("/etc/passwd")
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(2**40)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
    names = ["pipe.jpg", "endless.jpg", "loop.jpg", "secret.jpg", "huge.jpg", "socket.jpg"]
    found = list(predict_files(load_bundle(probe_bundle), [tmp_path / name for name in names]))
    assert all(p.error and not p.answers and "root:" not in p.error for p in found)
    assert [p.error for p in found[:2]] == ["is no file."] * 2 and "larger than any picture" in found[4].error
    assert all(p.error for p in predict_files(load_bundle(probe_bundle), [tmp_path]))


@pytest.mark.parametrize(
    "name",
    ["\x1b]0;owned\x07\x1b[31mred.png", "two\nlines.png", "[bold]markup.png", "-rf.png", "$(touch mark).png"],
)
def test_no_name_steers_the_terminal(run, probe_bundle, tmp_path, monkeypatch, name):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / name, COLOURS["jay"], 1)
    status, said = run("predict", str(probe_bundle), "--", f"./{name}")
    assert status == 0 and "\x1b" not in said and "\x07" not in said and not (tmp_path / "mark").exists()
    assert all(word in said for word in ("red.png", "lines.png", "[bold]", "-rf", "$(touch") if word in name)
    status, said = run("predict", str(probe_bundle), "--", f"./no {name}")
    assert status == 1 and "\x1b" not in said and "is not there" in said
