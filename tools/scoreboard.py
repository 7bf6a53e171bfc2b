"""Write tables and pictures of README, TEACHING, docs/results, benchmarks/README from results/*.json: no number is typed.

python tools/scoreboard.py [--check]

A picture is drawn again when its numbers have changed, or when its file is gone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import typer
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import routes
from course_utils.experiments.compare import Comparison
from course_utils.experiments.results import computed_on, summary_table, table_in_words
from course_utils.lessons.which_flavour_when.figures import LOOKS, plot_learning_curves
from course_utils.notebook import preflight
from course_utils.notebook.style import styled_figure
from marked import between
from speed import profile_table, speed_alt, speed_bars, speed_sentence, tables

ROOT = Path(__file__).resolve().parents[1]
TITLES = {
    "fieldguide": "the bundled, drawn birds",
    "cub_subset": "real photos: 20 species of CUB-200-2011, cropped to the bird",
}
SHORT = {"fieldguide": "drawn birds", "cub_subset": "photos of birds"}
SHOWN = {
    "scratch_best": "from scratch,\nat its best",
    "linear_probe": "pre-trained,\nonly the head trained",
    "fine_tune": "pre-trained,\nfine-tuned",
}
"""What the picture shows, by flavour."""
SHOWS = "Shows"
"""The name of the digest in a picture's file."""
PICTURES = 10
"""Of each species; what the picture is about."""


def table(name: str, found: Comparison) -> str:
    """One Markdown table from one results file."""
    title, runs = TITLES[name], found.results
    words = table_in_words(runs)
    left = 2  # columns of text; the rest are numbers
    lines = [
        f"## {title[0].upper()}{title[1:]}",
        "",
        f"{found.num_classes} classes, {runs[0].n_test} test pictures; `results/{name}.json`, on "
        f"{computed_on(found.device, runs)}.",
        "",
        f"![{curves_alt(found)}]({name}.png)",
        "",
        f"| {' | '.join(words.columns)} |",
        "|" + "---|" * left + "--:|" * (len(words.columns) - left),
        *(f"| {' | '.join(row)} |" for row in words.to_numpy()),
    ]
    return "\n".join(lines)


def curves_alt(found: Comparison) -> str:
    """The text alternative of a figure of learning curves: where each begins and ends."""
    parts = []
    for flavour, rows in summary_table(found.results).groupby("flavour", sort=False):
        first, last = rows.test_accuracy.iloc[0], rows.test_accuracy.iloc[-1]
        parts.append(f"{flavour.replace('_', ' ')} from {first:.2f} to {last:.2f}")
    sizes = sorted({run.images_per_class for run in found.results})
    return f"Test accuracy with {sizes[0]} to {sizes[-1]} training pictures a class: {', '.join(parts)}"


def shown(found: Comparison) -> pd.DataFrame:
    """The rows of the picture, by flavour."""
    rows = summary_table(found.results)
    return rows[rows.images_per_class == PICTURES].set_index("flavour").loc[list(SHOWN)]


def bars(found: dict[str, Comparison]) -> Figure:
    """Test accuracy with ten pictures of each species, a panel for each kind of picture."""
    with styled_figure(1, len(found), figsize=(9, 3), sharey=True) as (figure, axes):
        for axis, (name, comparison) in zip(axes[0], found.items(), strict=True):
            rows = shown(comparison)
            off = [rows.test_accuracy - rows.low, rows.high - rows.test_accuracy]
            colours = [LOOKS[flavour][0] for flavour in SHOWN]
            places = range(len(SHOWN))[::-1]
            axis.barh(
                places, rows.test_accuracy, xerr=off, color=colours, height=0.6, error_kw={"capsize": 4}
            )
            for place, accuracy, high in zip(places, rows.test_accuracy, rows.high, strict=True):
                axis.text(high + 0.03, place, f"{accuracy:.0%}", va="center")
            axis.set_yticks(places, SHOWN.values())
            axis.set(xlim=(0, 1.1), title=SHORT[name])
            axis.set(xlabel=f"test accuracy, {comparison.num_classes} species")
            axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axis.grid(axis="y", visible=False)
    return figure


def bars_alt(found: dict[str, Comparison]) -> str:
    """The text alternative of the bars: every number."""
    parts = []
    for name, comparison in found.items():
        rows = shown(comparison)
        numbers = (f"{' '.join(label.split())} {rows.test_accuracy[f]:.0%}" for f, label in SHOWN.items())
        parts.append(f"{SHORT[name]}: {', '.join(numbers)}")
    return f"Test accuracy with {PICTURES} training pictures of each species. {'; '.join(parts)}"


def minutes() -> str:
    """How long each lesson's code ran where it was measured."""
    times = preflight.read_times()
    speeds = routes.measured_speeds()
    each = [f"{time.minutes(speeds):.1f}" for _, time in sorted(times.items())]
    numbers = ", ".join(str(int(number)) for number in sorted(times))
    in_all = preflight.minutes_in_all(speeds)
    return (
        f"The code of lessons {numbers} takes {', '.join(each)} minutes, {in_all:.0f} in all, on two cores of a "
        "server's processor with bf16. `course doctor --time` says how long it takes on your machine."
    )


def digest(numbers: str) -> str:
    """Which numbers a picture shows, in few letters."""
    return hashlib.sha256(numbers.encode()).hexdigest()


def save(figure: Figure, file: Path, shows: str) -> None:
    """A small picture that carries the digest of its numbers, by which --check knows it."""
    figure.savefig(file, dpi=110)
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(64)
        few.info = {}
        info = PngInfo()
        info.add_text(SHOWS, shows)
        few.save(file, optimize=True, pnginfo=info)


def carried(file: Path) -> str:
    """The digest that a picture carries; empty where there is none."""
    if not file.is_file():
        return ""
    with Image.open(file) as picture:
        return picture.info.get(SHOWS, "")


def main(check: bool = False) -> None:
    """Write all of it; with --check say whether it is in step, and change nothing."""
    found = {name: Comparison.load(ROOT / "results" / f"{name}.json") for name in TITLES}
    speed = json.loads((ROOT / "results" / "benchmarks.json").read_text(encoding="utf-8"))
    of_each = {name: table(name, comparison) for name, comparison in found.items()}
    every, docs, benchmarks = "\n\n".join(of_each.values()), ROOT / "docs", ROOT / "benchmarks"
    marked = {
        ROOT / "README.md": {
            "result": f"![{bars_alt(found)}](docs/ten_pictures.png)",
            "minutes": minutes(),
            "speed": speed_sentence(speed),
        },
        docs / "results.md": {"tables": every},
        ROOT / "TEACHING.md": routes.parts(),
        benchmarks / "README.md": {
            "speed figure": f"![{speed_alt(speed)}](side_by_side.png)",
            "speed tables": tables(speed),
            "speed profile": profile_table(speed),
        },
    }
    texts = {}
    for file, parts in marked.items():
        texts[file] = file.read_text(encoding="utf-8")
        for name, text in parts.items():
            texts[file] = between(texts[file], name, text)
    # What a picture shows, and how it is drawn.
    pictures = {
        docs / "ten_pictures.png": (every, lambda: bars(found)),
        benchmarks / "side_by_side.png": (speed_alt(speed), lambda: speed_bars(speed)),
    }
    for name, comparison in found.items():
        draw = partial(plot_learning_curves, comparison.results)
        pictures[docs / f"{name}.png"] = (of_each[name], draw)
    stale = [file for file, text in texts.items() if file.read_text(encoding="utf-8") != text]
    stale += [file for file, (numbers, _) in pictures.items() if carried(file) != digest(numbers)]
    if check and stale:
        names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
        sys.exit(f"Not in step with results/: {names}. Run: python tools/scoreboard.py")
    if not check:
        for file in set(stale) & set(texts):
            file.write_text(texts[file], encoding="utf-8")
        for file in set(stale) & set(pictures):
            numbers, draw = pictures[file]
            save(draw(), file, digest(numbers))


if __name__ == "__main__":
    typer.run(main)
