"""Short notes to the learner: coloured where a notebook can, plain text elsewhere."""

from __future__ import annotations

import html
import re
import sys

# Okabe and Ito's colours, in a border only: the text keeps the theme's colour and the title says it in words.
_COLOURS = {"Correct": "#009E73", "Not yet": "#E69F00"}
_OTHER_COLOUR = "#56B4E9"


def show_note(title: str, message: str = "", *, code: str = "") -> None:
    """Show a note: in a notebook as HTML with a plain-text form, otherwise on stdout.

    Args:
        title: A word or two.
        message: Plain text; what stands between backticks is set as code.
        code: Source to show below.
    """
    plain = f"{title}: {message}" if message else f"{title}."
    if code:
        plain += f"\n\n{code}"
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        print(plain)
        return
    from IPython.display import display

    display({"text/plain": plain, "text/html": _to_html(title, message, code)}, raw=True)


def inline_html(text: str) -> str:
    """Plain text as HTML: special characters escaped, what stands between backticks as code, line breaks kept."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)).replace("\n", "<br>")


def _to_html(title: str, message: str, code: str) -> str:
    colour = _COLOURS.get(title, _OTHER_COLOUR)
    text = inline_html(message)
    body = f"<strong>{html.escape(title)}{':' if message else '.'}</strong> {text}".rstrip()
    if code:
        body += f"<pre><code>{html.escape(code)}</code></pre>"
    return f'<div style="border-left: 4px solid {colour}; padding: 0.3em 0.9em; margin: 0.3em 0">{body}</div>'
