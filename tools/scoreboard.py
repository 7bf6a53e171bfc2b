"""Write README.md's scoreboard from results/*.json, so that no number in it is typed.

python tools/scoreboard.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from course_utils.experiments.compare import Comparison
from course_utils.experiments.results import computed_on, table_in_words

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- scoreboard: written by tools/scoreboard.py from results/ -->"
END = "<!-- end of scoreboard -->"
TITLES = {
    "fieldguide": "the bundled, drawn birds",
    "cub_subset": "real photos: 20 species of CUB-200-2011, cropped to the bird",
}


def table(name: str) -> str:
    """One Markdown table from one results file."""
    found = Comparison.load(ROOT / "results" / f"{name}.json")
    title, runs = TITLES[name], found.results
    words = table_in_words(runs)
    left = 2  # columns of text; the rest are numbers
    lines = [
        f"**{title[0].upper()}{title[1:]}** ({found.num_classes} classes, {runs[0].n_test} test pictures; "
        f"`results/{name}.json`, on {computed_on(found.device, runs)}):",
        "",
        f"| {' | '.join(words.columns)} |",
        "|" + "---|" * left + "--:|" * (len(words.columns) - left),
        *(f"| {' | '.join(row)} |" for row in words.to_numpy()),
    ]
    return "\n".join(lines)


def updated(readme: str) -> str:
    """README's text with fresh tables between the marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    names = [name for name in TITLES if (ROOT / "results" / f"{name}.json").is_file()]
    return "\n\n".join([before + BEGIN, *map(table, names), END + after])


def main(check: bool = False) -> None:
    """Write the tables; with --check say whether they are in step, and change nothing."""
    file = ROOT / "README.md"
    old = file.read_text(encoding="utf-8")
    new = updated(old)
    if check and new != old:
        sys.exit("README.md's scoreboard differs from results/. Run: python tools/scoreboard.py")
    if not check:
        file.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
