"""Write constraints.txt: the versions of everything the course needs, as installed here and tested.

Run it with the Python of an environment that passes the tests: python tools/pin.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
OLDEST = re.search(r'requires-python = ">=(3\.\d+)', PROJECT)[1]
LEFT_TO_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def needed(distribution: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of all distributions that ``distribution`` needs here, directly or not."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [(distribution, extras)]
    while queue:
        name, wanted = queue.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": extra}) for extra in {"", *wanted}):
                continue
            queue.append((requirement.name.lower().replace("_", "-"), frozenset(requirement.extras)))
    yield from sorted({name for name, _ in seen} - {distribution})


def pin(name: str) -> str:
    """One line of constraints.txt, for the Pythons that the version is for."""
    found = metadata.distribution(name)
    python = SpecifierSet(found.metadata.get("Requires-Python") or "")
    line = f"{name}=={found.version.partition('+')[0]}"
    floors = [Version(one.version) for one in python if one.operator == ">="]
    above = max(floors, default=Version(OLDEST)) > Version(OLDEST)
    return f'{line} ; python_full_version >= "{max(floors)}"' if above else line


def main() -> None:
    """Write the file."""
    names = (
        n
        for n in needed(
            "borrowed-feathers",
            frozenset({"lab", "offline", "frameworks", "test", "draw", "backbones", "bench"}),
        )
        if not LEFT_TO_TORCH.match(n)
    )
    lines = [
        "# The versions that were tested together. pyproject.toml has the ranges that should work.",
        "# Written by tools/pin.py. CUDA's packages are left to torch, which pins them itself.",
        *(pin(name) for name in names),
    ]
    (ROOT / "constraints.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
