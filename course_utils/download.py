"""Downloads that give up on a server that has gone silent, as a workshop's network does."""

from __future__ import annotations

import socket
from http.client import HTTPException
from pathlib import Path

import torch

SILENCE_SECONDS = 30.0


def download(url: str, file: Path, *, hash_prefix: str | None = None) -> None:
    """Download a file; it takes its place when the server has ended, and with a matching hash only.

    A server that hangs up early is noticed by the hash alone: give one, or check the file.

    Args:
        url: Where from.
        file: Where to; the folder must be there.
        hash_prefix: First digits, in hex, that the content's SHA-256 must have.

    Raises:
        OSError: No network, no such file there, nothing heard for :data:`SILENCE_SECONDS`, or an answer that is no HTTP.
        RuntimeError: The hash is another one.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)  # torch.hub leaves urlopen without one, which waits for ever
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=hash_prefix)
    except HTTPException as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    finally:
        socket.setdefaulttimeout(before)
