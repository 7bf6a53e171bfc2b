"""Write README.md's scoreboard from results/*.json, so that no number in it is typed.

python tools/scoreboard.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult, summary_table

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- scoreboard: written by tools/scoreboard.py from results/ -->"
END = "<!-- end of scoreboard -->"
TITLES = {
    "fieldguide": "the bundled, drawn birds",
    "cub_subset": "real photos: 20 species of CUB-200-2011, cropped to the bird",
}


def table(name: str) -> str:
    """One Markdown table from one results file."""
    found = json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))
    runs = [RunResult(**result) for result in found["results"]]
    lines = [
        f"**{TITLES[name][0].upper()}{TITLES[name][1:]}** ({found['num_classes']} classes, {runs[0].n_test} test pictures; "
        f"`results/{name}.json`, on {found['device']}):",
        "",
        "| flavour | model | pictures a class | test accuracy (95% interval) | seeds | seconds | parameters trained |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in summary_table(runs).to_dict("records"):
        lines.append(
            f"| {FLAVOURS[row['flavour']].label} | {row['backbone']}, {row['image_size']} px | {row['images_per_class']} "
            f"| {row['test_accuracy']:.3f} ({row['low']:.3f}-{row['high']:.3f}) "
            f"| {row['worst seed']:.3f}-{row['best seed']:.3f} | {row['seconds']:.0f} | {row['trainable_parameters']:,} |"
        )
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
