"""Things to play with in a lesson, each with a still form for where widgets don't live (web viewers, print)."""

from __future__ import annotations

from base64 import b64encode

from ipywidgets import Widget
from matplotlib.figure import Figure

from course_utils.notebook.described import encode


class Panel:
    """A widget and its still form; ends a cell like a figure does.

    Attributes:
        widget: The whole widget.
        controls: Its parts by name, for tests and for the curious.
    """

    def __init__(
        self, widget: Widget, *, still: str | Figure, text: str, controls: dict[str, Widget] | None = None
    ) -> None:
        self.widget, self.controls = widget, controls or {}
        self._still, self._text = still, text

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data = {**self.widget._repr_mimebundle_(), "text/plain": self._text}
        if isinstance(self._still, str):
            display({**data, "text/html": self._still}, raw=True)
            return
        content, kind = encode(self._still)
        image = b64encode(content).decode("ascii")
        display({**data, kind: image}, metadata={kind: {"alt": self._text}}, raw=True)
