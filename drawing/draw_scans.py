"""The bundled scans: draw them again, compare, look for shortcuts, lay them out on a page.

python drawing/draw_scans.py render --out DIR --patients 3   a trial of three patients a split
python drawing/draw_scans.py check                           draw all of them and compare with the bundled ones
python drawing/draw_scans.py audit --json FILE               could a model tell ill from healthy by anything else?
python drawing/draw_scans.py sheet --out FILE.png            anomalies by grade, each beside its mask
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from course_utils import paths
from course_utils.files import check_writable, save_text
from drawn_set.command import run

app = typer.Typer(help=__doc__.partition("\n")[0], no_args_is_help=True, add_completion=False)
BUNDLED = paths.data_dir() / "scans"
Patients = Annotated[
    int | None, typer.Option(min=1, help="Patients a split, for a trial; not the real number.")
]
Processes = Annotated[int, typer.Option(min=1, help="Processes that draw at the same time.")]
CORES = os.cpu_count() or 1


def _draw(out: Path, patients: int | None, processes: int) -> None:
    from scans.dataset import PARTS, render_dataset

    counts = None if patients is None else dict.fromkeys(PARTS, patients)
    with typer.progressbar(length=sum((counts or {k: p.patients for k, p in PARTS.items()}).values())) as bar:
        render_dataset(out, counts=counts, processes=processes, on_patient=lambda _: bar.update(1))


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = BUNDLED,
    patients: Patients = None,
    processes: Processes = CORES,
) -> None:
    """Draw pictures, masks and the table."""
    _draw(out, patients, processes)
    typer.echo(f"Complete: {out}")


@app.command()
def check(patients: Patients = None, processes: Processes = CORES) -> None:
    """Draw again into a folder that is thrown away, and compare. Exit status 1 if anything differs."""
    from drawn_set.likeness import differences
    from scans.dataset import COLUMNS

    steady = ("split", "patient", "study", "scanner", "anomaly", "grade", "mimics", "sex", "age", "seed")
    with tempfile.TemporaryDirectory() as folder:
        _draw(Path(folder), patients, processes)
        found = list(differences(Path(folder), BUNDLED, {"studies.csv": (COLUMNS, steady)}))
    typer.echo("\n".join(found) or "All as bundled.")
    raise typer.Exit(1 if found else 0)


@app.command()
def audit(data: Annotated[Path, typer.Option(help="Folder of the data set.")] = BUNDLED) -> None:
    """Look for shortcuts, and write them down in the set's DATASHEET.md. Exit status 1 if there is one."""
    from scans.audit import audit_scans
    from scans.datasheet import datasheet

    findings = audit_scans(data)
    for finding in findings:
        typer.echo(
            f"{'ok  ' if finding.ok else 'LEAK'} {finding.question}: {finding.found} (wanted: {finding.limit})"
        )
    save_text(data / "DATASHEET.md", datasheet(data, findings))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def sheet(
    out: Annotated[Path, typer.Option(help="File to write.")],
    seed: Annotated[int, typer.Option(help="Decides the patients.")] = 0,
) -> None:
    """Draw every anomaly in every grade, on all scanners, each beside its mask."""
    from scans.sheet import draw_sheet

    check_writable(out)
    draw_sheet(seed).save(out)


def main() -> None:
    """Entry point."""
    run(app)


if __name__ == "__main__":
    main()
