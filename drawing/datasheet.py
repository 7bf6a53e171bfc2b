"""Write into the datasheet of the bundled birds what they are and what was measured on them.

python drawing/datasheet.py [--check]

The field guide (drawing/birds) and results/fieldguide*.json become tables between marks in
data/fieldguide/DATASHEET.md, so that no number in them is typed; the confusion matrix of the best flavour becomes
data/fieldguide/confusion.webp.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import typer
from PIL import Image

from birds.layout import COUNTS, SPLITS, grade_of
from birds.pairs import PAIRS
from birds.species import SPECIES
from course_utils.experiments.compare import Comparison
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.files import replacing
from course_utils.notebook.plots import plot_confusion

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "fieldguide"
BEGIN = "<!-- {name}: written by drawing/datasheet.py -->"
END = "<!-- end of {name} -->"
AUDIT = "fieldguide_audit.json"
PAIRS_AT = (10, 30)
"""Training pictures of each species at which the pairs are shown; the first for the confusions, too."""
CLASSES = sorted(species.folder for species in SPECIES)


def read_runs(folder: Path) -> list[RunResult]:
    """The runs in all results files of the bundled birds.

    Raises:
        SystemExit: A file is of another field guide.
    """
    runs = []
    for file in sorted(folder.glob("fieldguide*.json")):
        if file.name == AUDIT:
            continue
        found = Comparison.load(file)
        if found.num_classes != len(CLASSES):
            sys.exit(
                f"{file.name} was measured on {found.num_classes} species; there are {len(CLASSES)}. Measure again."
            )
        runs += found.results
    return runs


def accuracy_table(runs: Sequence[RunResult]) -> list[str]:
    """Test accuracy by flavour (rows) and training pictures of each species (columns), as Markdown lines."""
    sizes = sorted({run.images_per_class for run in runs})
    lines = [
        "Test accuracy, the mean over the seeds and, in brackets, the lowest and the highest seed:",
        "",
        f"| training pictures a species | {' | '.join(map(str, sizes))} |",
        f"|---|{'--:|' * len(sizes)}",
    ]
    subjects = sorted({_subject(run) for run in runs}, key=lambda s: (list(FLAVOURS).index(s[0]), s))
    for subject in subjects:
        cells = [
            _spread([r.test_accuracy for r in runs if _subject(r) == subject and r.images_per_class == n])
            for n in sizes
        ]
        flavour, model, size = subject
        lines.append(f"| {FLAVOURS[flavour].label} ({model}, {size} px) | {' | '.join(cells)} |")
    return lines


def _subject(run: RunResult) -> tuple[str, str, int]:
    return run.flavour, run.model, run.image_size


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    mean = f"{np.mean(values):.3f}"
    return f"{mean} ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else f"{mean} (one seed)"


def pair_counts(runs: Sequence[RunResult], place: int) -> tuple[float, float]:
    """Shares of a pair's test pictures that were named correctly and that were given the look-alike's name.

    Args:
        runs: With confusions; they are added up.
        place: Of the pair in ``PAIRS``.
    """
    members = [CLASSES.index(species.folder) for species in PAIRS[place][:2]]
    counts = np.sum([run.confusion for run in runs], axis=0)[members]
    right, swapped = np.trace(counts[:, members]), np.trace(counts[:, members[::-1]])
    return right / counts.sum(), swapped / counts.sum()


def pair_table(runs: Sequence[RunResult], number: int) -> list[str]:
    """Each pair (rows) and flavour (columns): named correctly / given the look-alike's name, as Markdown lines."""
    mine = [run for run in runs if run.images_per_class == number and run.confusion]
    flavours = [flavour for flavour in FLAVOURS if any(run.flavour == flavour for run in mine)]
    if not flavours:
        return []
    lines = [
        f"The pairs, after {number} training pictures a species: share of the pair's test pictures that were "
        "named correctly / that were given the look-alike's name (a coin reaches 0.50 / 0.50):",
        "",
        f"| mark that decides | {' | '.join(FLAVOURS[f].label for f in flavours)} |",
        f"|---|{'--:|' * len(flavours)}",
    ]
    for place, pair in enumerate(PAIRS):
        shares = [pair_counts([run for run in mine if run.flavour == f], place) for f in flavours]
        cells = " | ".join(f"{right:.2f} / {swapped:.2f}" for right, swapped in shares)
        lines.append(f"| {_mark(pair)} | {cells} |")
    return [*lines, ""]


def _mark(pair: Sequence[object]) -> str:
    return str(pair[2]).replace("_", " ")


def audit_table(file: Path) -> list[str]:
    """What the search for shortcuts found, as Markdown lines."""
    if not file.is_file():
        return []
    findings = json.loads(file.read_text(encoding="utf-8"))
    rows = [f"| {f['question']} | {f['found']} | {f['limit']} |" for f in findings]
    return [
        "The audit (`python drawing/draw_birds.py audit`):",
        "",
        "| question | found | has to be |",
        "|---|---|---|",
        *rows,
    ]


def best_runs(runs: Sequence[RunResult], number: int) -> list[RunResult]:
    """All seeds of the flavour with the highest mean test accuracy at this number of training pictures."""
    groups: dict[tuple[str, str, int], list[RunResult]] = {}
    for run in runs:
        if run.confusion and run.images_per_class == number:
            groups.setdefault(_subject(run), []).append(run)
    return max(groups.values(), key=lambda group: np.mean([r.test_accuracy for r in group]), default=[])


def draw_confusion(runs: Sequence[RunResult], file: Path) -> None:
    """Draw the confusions of these runs, added up."""
    counts = torch.tensor(np.sum([run.confusion for run in runs], axis=0))
    places = torch.cartesian_prod(torch.arange(len(CLASSES)), torch.arange(len(CLASSES)))
    labels, predicted = places.repeat_interleave(counts.flatten(), dim=0).T
    buffer = io.BytesIO()
    plot_confusion(predicted, labels, CLASSES).savefig(buffer, format="png")
    with replacing(file) as temporary, Image.open(buffer) as picture:
        picture.convert("RGB").save(temporary, "WEBP", quality=90, method=6)


def composition() -> Iterator[str]:
    """What the data set consists of, as Markdown lines."""
    each = sum(COUNTS[split] for split in SPLITS)
    parts = ", ".join(f"{COUNTS[split]} {split}" for split in SPLITS)
    yield f"{each * len(SPECIES):,} pictures of {len(SPECIES)} species: {parts} pictures of each."
    yield f"{len(PAIRS)} pairs of species differ in one field mark and in nothing else:"
    yield from (
        "",
        "| species without | species with | the mark that decides | meant to be |",
        "|---|---|---|---|",
    )
    for place, pair in enumerate(PAIRS):
        yield f"| {pair[0].name} | {pair[1].name} | {_mark(pair)} | {grade_of(place)} |"
    paired = {species.name for pair in PAIRS for species in pair[:2]}
    singles = [species.name for species in SPECIES if species.name not in paired]
    yield from ("", f"These look like no other: {', '.join(singles)}.")


def measured(results: Path) -> Iterator[str]:
    """What was measured, as Markdown lines."""
    runs = read_runs(results)
    if runs:
        yield from (*accuracy_table(runs), "")
        for number in PAIRS_AT:
            yield from pair_table(runs, number)
    if best := best_runs(runs, PAIRS_AT[0]):
        what = f"{FLAVOURS[best[0].flavour].label}, {best[0].images_per_class} training pictures a species"
        seeds = f"{len(best)} seeds added up" if len(best) > 1 else "one seed"
        yield f"What is called what ({what}; the test pictures of {seeds}):"
        yield from ("", f"![Confusion matrix: {what}](confusion.webp)", "")
    yield from audit_table(results / AUDIT)


def updated(text: str, results: Path) -> str:
    """The datasheet's text with fresh sections between the marks."""
    for name, lines in (("composition", composition()), ("measured", measured(results))):
        begin, end = BEGIN.format(name=name), END.format(name=name)
        if begin not in text or end not in text:
            sys.exit(f"DATASHEET.md lacks one of the marks {begin} and {end}.")
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        body = "\n".join(lines).strip() or "Nothing yet: `course compare --json` writes it into results/."
        text = "\n\n".join([before + begin, body, end + after])
    return text


def main(check: bool = False) -> None:
    """Write tables and picture; with --check say whether the tables are in step, and change nothing."""
    file, results = FOLDER / "DATASHEET.md", ROOT / "results"
    old = file.read_text(encoding="utf-8")
    new = updated(old, results)
    if check and new != old:
        sys.exit("data/fieldguide/DATASHEET.md differs from results/. Run: python drawing/datasheet.py")
    if not check:
        file.write_text(new, encoding="utf-8")
        if best := best_runs(read_runs(results), PAIRS_AT[0]):
            draw_confusion(best, FOLDER / "confusion.webp")


if __name__ == "__main__":
    typer.run(main)
