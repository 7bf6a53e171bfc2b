"""What the commands print to."""

from __future__ import annotations

import unicodedata

from rich.console import Console


class Terminal(Console):
    """Prints names as they are: nothing in them is markup, and none steers the terminal."""

    def __init__(self, *, width: int | None = None, stderr: bool = False) -> None:
        """Open it.

        Args:
            width: In columns; None asks the terminal.
            stderr: Whether to print beside the results.
        """
        super().__init__(width=width, stderr=stderr, markup=False, highlight=False, emoji=False)

    def print(self, *objects: object, **options: object) -> None:
        """Print texts with control characters as their numbers, and anything else as rich does."""
        super().print(*(visible(one) if isinstance(one, str) else one for one in objects), **options)


def visible(text: str) -> str:
    """A text with control characters, such as begin a command to a terminal, as their numbers; line ends stay."""
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" and letter != "\n" else letter
        for letter in text
    )
