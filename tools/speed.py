"""The tables and the figure of benchmarks/README.md, from results/benchmarks.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from course_utils.notebook.style import BLUE, GREY, styled_figure

Found = Mapping[str, Mapping[str, Any]]
"""What benchmarks/side_by_side.py has measured, by data."""

WAYS = {
    "frozen": "backbone frozen:\nwhole training",
    "fine_tune": "fine-tuning:\npictures a second",
    "scratch": "from scratch:\npictures a second",
}
SHOWN = {
    "tutorial": "the usual loop",
    "fastai": "fastai",
    "course, fp32": "course, fp32",
    "course, bf16": "course, bf16",
}
BUNDLED, WHOLE = "fieldguide", " epochs"
TITLES = {
    BUNDLED: "The bundled, drawn birds",
    "CUB_200_2011": "Real photos of CUB-200-2011, cropped to the bird",
}


def tables(found: Found) -> str:
    """One Markdown table for each data set."""
    return "\n\n".join(_table(data, entry) for data, entry in found.items())


def _table(data: str, entry: Mapping[str, Any]) -> str:
    whole = data.endswith(WHOLE)
    name = TITLES.get(data, data.replace("_", " "))
    pictures = entry["pictures"]
    heads = ["way", "who", "s, 25 epochs", "times less", "pictures/s", "times as many", "peak MB"]
    lines = [
        f"### {name}",
        "",
        f"{pictures['train']} training pictures of {entry['classes']} species, {pictures['val']} of val; {_machine(entry)}; "
        f"{_rounds(entry['rounds'])}; commit {entry['commit']}.",
        "",
        f"| {' | '.join(heads + ['val accuracy'] * whole)} |",
        "|---|---|" + "--:|" * (len(heads) - 2 + whole),
    ]
    for way, contenders in entry["ways"].items():
        for who, row in contenders.items():
            cells = [
                way.replace("_", "-").replace("fine-tune", "fine-tuned"),
                who,
                f"{row['seconds']:,.0f}",
                f"{row['times_less_time']:.1f}",
                f"{row['pictures_per_second']:.1f}",
                f"{row['times_the_pictures']:.1f}",
                f"{row['peak_megabytes']:,}",
            ]
            accuracy = [f"{row['val_accuracy']:.3f}"] if whole else []
            lines.append(f"| {' | '.join(cells + accuracy)} |")
    return "\n".join(lines)


def _rounds(number: int) -> str:
    return "one round" if number == 1 else f"medians of {number} rounds"


def _machine(entry: Mapping[str, Any]) -> str:
    return f"{entry['cores']} cores, {entry['processor']}, training in bf16 {entry['bf16_speedup']:.1f} times as fast"


def profile_table(found: Found) -> str:
    """Where a training step's time goes, a column for each kind of step."""
    profiles = found[BUNDLED]["profiles"]
    kinds = sorted(
        {kind for one in profiles.values() for kind in one["shares"]},
        key=lambda kind: (-max(one["shares"].get(kind, 0) for one in profiles.values()), kind),
    )
    lines = [
        f"| | {' | '.join(name.replace('_', '-') for name in profiles)} |",
        "|---|" + "--:|" * len(profiles),
    ]
    lines += [
        f"| {kind} | " + " | ".join(f"{one['shares'].get(kind, 0):.0%}" for one in profiles.values()) + " |"
        for kind in kinds
    ]
    for head, text in (
        ("pictures/s", "{pictures_per_second:.0f}"),
        ("GFLOP a picture", "{gflop_per_picture:.2f}"),
        ("this machine's GEMM peak, GFLOP/s", "{gemm_peak_gflops:.0f}"),
        ("**share of that peak**", "**{share_of_peak:.0%}**"),
    ):
        lines.append(f"| {head} | " + " | ".join(text.format(**one) for one in profiles.values()) + " |")
    return "\n".join(lines)


def times(found: Found, data: str = BUNDLED) -> dict[str, dict[str, float]]:
    """How many times as fast as the usual loop each is, by way."""
    return {
        way: {
            who: row["times_less_time" if way == "frozen" else "times_the_pictures"]
            for who, row in contenders.items()
            if who in SHOWN
        }
        for way, contenders in found[data]["ways"].items()
    }


def speed_bars(found: Found) -> Figure:
    """A panel for each way, a bar for each contender."""
    with styled_figure(1, len(WAYS), figsize=(10, 2.6), sharey=True) as (figure, axes):
        for axis, (way, title) in zip(axes[0], WAYS.items(), strict=True):
            rows = times(found)[way]
            places = range(len(rows))[::-1]
            colours = [BLUE if who.startswith("course") else GREY for who in rows]
            axis.barh(places, list(rows.values()), color=colours, height=0.6)
            for place, value in zip(places, rows.values(), strict=True):
                axis.text(value, place, f" {value:.1f}", va="center")
            axis.set_yticks(places, [SHOWN[who] for who in rows])
            axis.set(
                title=title, xlim=(0, 1.2 * max(rows.values())), xlabel="times as fast as the usual loop"
            )
            axis.grid(axis="y", visible=False)
    return figure


def speed_alt(found: Found) -> str:
    """The text alternative of the bars: every number."""
    parts = [
        f"{' '.join(WAYS[way].split())}: "
        + ", ".join(f"{SHOWN[who]} {value:.1f}" for who, value in rows.items())
        for way, rows in times(found).items()
    ]
    return f"How many times as fast as the usual loop. {'; '.join(parts)}"


def speed_sentence(found: Found) -> str:
    """What README says of it."""
    fast = times(found)
    best = {
        way: [value for who, value in rows.items() if who.startswith("course")] for way, rows in fast.items()
    }
    words = {way: " to ".join(f"{value:.0f}" for value in sorted(values)) for way, values in best.items()}
    return (
        f"Beside the usual loop, on two cores: a head on a frozen backbone is trained in {words['frozen']} times less time, "
        f"fine-tuning learns from {words['fine_tune']} times as many pictures a second, training from scratch from "
        f"{words['scratch']} times as many. [How that was measured, also beside fastai](benchmarks/README.md)."
    )
