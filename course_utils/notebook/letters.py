"""Names in letters that a figure's fonts lack: drawn in another font that is here, else as numbers with a legend."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable
from functools import lru_cache

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

_numbers: dict[str, int] = {}
"""What is drawn as a number in this process: the same in every figure."""


def make_drawable(figure: Figure) -> None:
    """Give every text of a figure a font that has its letters; where none is here, put numbers in place of the words.

    A warning says which number stands for what, once for each.
    """
    new: list[str] = []
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        _make_labels_drawable(axis, new)
    for text in figure.findobj(Text):
        text.set_text(_without_surrogates(text.get_text()))
        if lacking := _lacking(text.get_text(), text.get_fontfamily()):
            if font := _font_with(frozenset(lacking)):
                text.set_fontfamily([*text.get_fontfamily(), font])
            else:
                text.set_text(_numbered(text.get_text(), lacking, new))
    if new:
        legend = ", ".join(f"no. {_numbers[word]} = {word}" for word in new)
        warnings.warn(
            f"No font here has the letters of some names. In figures {legend}. To see the names, install a font that has "
            "them, such as one of the Noto fonts, and restart the kernel.",
            stacklevel=2,
        )


def _make_labels_drawable(axis: Axis, new: list[str]) -> None:
    """An axis writes its labels again each time that it is drawn, so it must be told."""
    ticks = axis.get_majorticklabels()
    before = [tick.get_text() for tick in ticks]
    if all(label.isascii() for label in before):
        return
    labels, family = [_without_surrogates(label) for label in before], ticks[0].get_fontfamily()
    lacking = set().union(*(_lacking(label, family) for label in labels))
    if lacking and (font := _font_with(frozenset(lacking))):
        axis.set_tick_params(labelfontfamily=[*family, font])
    elif lacking:
        labels = [_numbered(label, lacking, new) for label in labels]
    if labels != before:
        axis.set_ticks(axis.get_majorticklocs(), labels)


def _without_surrogates(text: str) -> str:
    """A file's name that is no UTF-8 holds characters that can't be drawn at all."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _lacking(text: str, family: Iterable[str]) -> set[str]:
    if text.isascii():
        return set()
    here = frozenset().union(*(_letters_of(findfont(FontProperties(family=[name]))) for name in family))
    return {
        letter for letter in text if ord(letter) not in here and unicodedata.category(letter)[0] not in "CZ"
    }


def _numbered(text: str, lacking: Iterable[str], new: list[str]) -> str:
    """From the first letter of a line that is lacking to the last one, a number takes the place."""
    one = f"[{re.escape(''.join(sorted(lacking)))}]"

    def number(found: re.Match[str]) -> str:
        word = found[0]
        if word not in _numbers:
            _numbers[word] = len(_numbers) + 1
            new.append(word)
        return f"no. {_numbers[word]}"

    return re.sub(f"{one}(.*{one})?", number, text)


@lru_cache
def _letters_of(file: str) -> frozenset[int]:
    return frozenset(get_font(file).get_charmap())


@lru_cache
def _font_with(letters: frozenset[str]) -> str | None:
    """A font of this machine that has all of these letters."""
    wanted = {ord(letter) for letter in letters}
    for entry in sorted(
        fontManager.ttflist, key=lambda entry: (entry.style != "normal", entry.weight != 400)
    ):
        # A font of last resort has a box for every letter.
        if "lastresort" in entry.name.lower().replace(" ", "") or "emoji" in entry.name.lower():
            continue
        try:
            if wanted <= _letters_of(entry.fname):
                return entry.name
        except (OSError, RuntimeError):
            continue
    return None
