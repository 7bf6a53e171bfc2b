"""The bundled birds: draw them again, compare, look for shortcuts, draw the plate.

    python drawing/draw_birds.py render --out DIR --number 6    a trial of six pictures a species and part
    python drawing/draw_birds.py check                          draw all of them and compare with the bundled ones
    python drawing/draw_birds.py audit --json FILE              could a model name them without looking at the bird?
    python drawing/draw_birds.py plate                          the page with every species, and one with the variety in one

Drawing needs the extra ``draw``; on Debian and Ubuntu also the packages libegl1 and libgl1.
"""

from __future__ import annotations

import os
import tempfile
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from birds.layout import COUNTS
from course_utils import paths
from course_utils.files import check_writable, replacing
from drawn_set.command import run

app = typer.Typer(help=__doc__.partition("\n")[0], no_args_is_help=True, add_completion=False)
BUNDLED = paths.data_dir() / "fieldguide"


class Part(str, Enum):
    """A part of the data set."""

    train = "train"
    val = "val"
    test = "test"
    twins = "twins"


Only = Annotated[list[Part] | None, typer.Option(help="Again for more; none means all.")]
Number = Annotated[
    int | None, typer.Option(min=1, help="Pictures a species and part, for a trial; not the real number.")
]
Processes = Annotated[int, typer.Option(min=1, help="Processes that draw at the same time.")]
CORES = os.cpu_count() or 1


def _draw(
    out: Path, only: list[Part] | None, number: int | None, processes: int, resume: bool = False
) -> None:
    from birds.dataset import Shard, render_dataset

    def report(shard: Shard) -> None:
        typer.echo(f"  {shard.folder}: {shard.number}")

    counts = {part.value: number or COUNTS[part.value] for part in only or list(Part)}
    render_dataset(out, counts=counts, processes=processes, resume=resume, on_shard=report)


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = BUNDLED,
    only: Only = None,
    number: Number = None,
    processes: Processes = CORES,
    resume: Annotated[bool, typer.Option(help="Keep what is complete, even if the code changed.")] = False,
) -> None:
    """Draw pictures, masks, twins and tables."""
    _draw(out, only, number, processes, resume)
    typer.echo(f"Complete: {', '.join(part.value for part in only or list(Part))} in {out}")


@app.command()
def check(only: Only = None, number: Number = None, processes: Processes = CORES) -> None:
    """Draw again into a folder that is thrown away, and compare. Exit status 1 if anything differs."""
    from birds.tables import DRAWN_FROM_THE_SEED
    from drawn_set.likeness import differences

    with tempfile.TemporaryDirectory() as folder:
        _draw(Path(folder), only, number, processes)
        found = list(differences(Path(folder), BUNDLED, DRAWN_FROM_THE_SEED))
    typer.echo("\n".join(found) or "All as bundled.")
    raise typer.Exit(1 if found else 0)


@app.command()
def audit(
    data: Annotated[Path, typer.Option(help="Folder of the data set.")] = BUNDLED,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
) -> None:
    """Look for shortcuts: could a model name the birds without looking at them? Exit status 1 if so."""
    from birds.audit import audit_pictures, save_findings

    if json is not None:
        check_writable(json)
    findings = audit_pictures(data)
    for finding in findings:
        typer.echo(
            f"{'ok  ' if finding.ok else 'LEAK'} {finding.question}: {finding.found} (wanted: {finding.limit})"
        )
    if json is not None:
        save_findings(findings, json)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def plate(out: Annotated[Path, typer.Option(help="Folder to write to.")] = BUNDLED) -> None:
    """Draw one page with every species, plate.webp, and one with all that varies within a species, variety.webp."""
    from birds.plate import draw_plate, draw_variety

    for name, page in (("plate", draw_plate()), ("variety", draw_variety())):
        with replacing(out / f"{name}.webp") as file:
            page.save(file, "WEBP", quality=90, method=6)


def main() -> None:
    """Entry point."""
    run(app)


if __name__ == "__main__":
    main()
