"""A download in a workshop's network: a server that falls silent, or that speaks something else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from course_utils import download as module
from course_utils.download import download

GIVES_UP = 0.2
HOLDS = 3.0
"""Seconds after which a silent server hangs up, so that a download without a limit of its own ends as well."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """A server that says the given bytes to whoever calls, then nothing; gives its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "SILENCE_SECONDS", GIVES_UP)
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def start(said: bytes, *, hangs_up: bool = False) -> str:
        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(1 << 16)
                caller.sendall(said)
                over.wait(0 if hangs_up else HOLDS)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/weights.pth"

    yield start
    over.set()
    listener.close()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_silent_server_is_given_up(serve, said, tmp_path):
    before = socket.getdefaulttimeout()
    with pytest.raises(TimeoutError):
        download(serve(said), tmp_path / "weights.pth")
    assert not list(tmp_path.iterdir())
    assert socket.getdefaulttimeout() == before


def test_an_answer_that_is_no_http(serve, tmp_path):
    with pytest.raises(ConnectionError, match="BadStatusLine: hello"):
        download(serve(b"hello\r\n\r\n", hangs_up=True), tmp_path / "weights.pth")
    assert not list(tmp_path.iterdir())


def test_the_whole_file(serve, tmp_path):
    download(
        serve(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull", hangs_up=True), tmp_path / "weights.pth"
    )
    assert (tmp_path / "weights.pth").read_bytes() == b"full"
