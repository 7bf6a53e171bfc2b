"""A cell that needs a library that is not here says how to get it, and the notebook goes on."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from packaging.requirements import Requirement

_LABEL = re.compile(r"# (\w+(?:, \w+)*)\n?")


def skip_without(needed: Mapping[str, str]) -> None:
    """From the next cell on, a cell whose label names a missing library prints the line to type instead of running.

    A label is a comment that stands alone on a cell's first line: ``# Keras`` or ``# timm, Keras``. Outside a notebook
    nothing happens.

    Args:
        needed: What pip is asked for, such as ``"keras>=3.6,<4"``, by the name that labels use. Other names are free.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return
    transforms = shell.input_transformers_cleanup
    transforms[:] = [one for one in transforms if not isinstance(one, _Skip)] + [_Skip(dict(needed))]


@dataclass(frozen=True)
class _Skip:
    needed: dict[str, str]

    def __call__(self, lines: list[str]) -> list[str]:
        """A cell's lines as they are, or one line that says what is missing."""
        label = _LABEL.fullmatch(lines[0]) if lines else None
        names = label[1].split(", ") if label else []
        told = [said for name in names if name in self.needed and (said := _missing(self.needed[name]))]
        return [f"print({' '.join(told)!r})\n"] if told else lines


def _missing(wanted: str) -> str:
    """What to type where a requirement is not met; empty where it is."""
    requirement = Requirement(wanted)
    found = "not here"
    if find_spec(requirement.name) is not None:
        version = metadata.version(requirement.name)
        if requirement.specifier.contains(version, prereleases=True):
            return ""
        found = f"here as {version}"
    return (
        f"This cell needs {requirement.name}, which is {found}, so it was left out. To get it, run "
        f'%pip install "{wanted}" in a new cell. Then start the lesson again from its first cell.'
    )
