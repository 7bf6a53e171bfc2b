"""A comparison on a terminal: its runs as they come in, and a table of all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from course_utils.experiments.compare import Comparison
from course_utils.experiments.results import RunResult, table_in_words


def print_table(title: str, results: Sequence[RunResult], console: Console) -> None:
    """Print one row for each flavour, model and number of pictures, and what their intervals say."""
    words = table_in_words(results)
    words["flavour\nand model"] = words.flavour + "\n" + words.model
    headers = {
        "flavour\nand model": "flavour\nand model",
        "pictures a class": "pictures\na class",
        "test accuracy (95% interval)": "test accuracy\n(95% interval)",
        "seeds": "seeds:\nlow-high",
        "seconds": "seconds",
        "parameters trained": "parameters\ntrained",
        "computed in": "computed\nin",
    }
    if (words.seeds == "one seed").all():
        del headers["seeds"]
    headers = {name: header for name, header in headers.items() if name in words}
    table = Table(title=title, title_justify="left", show_lines=True)
    for place, header in enumerate(headers.values()):
        table.add_column(header, justify="right" if place else "left")
    for row in words[list(headers)].to_numpy():
        table.add_row(*(text.replace(" (", "\n(") for text in row))
    console.print(table)
    pictures = " or ".join(str(n) for n in sorted({r.n_test for r in results}))
    console.print(
        f"Test pictures: {pictures}. The interval says how far another draw of them could move a number."
    )


class Progress:
    """A comparison under way: each result is shown and written at once; when it is broken off, the last line says so."""

    def __init__(self, console: Console, kept_in: Path, json: Path | None, *, temporary: bool) -> None:
        """Begin.

        Args:
            console: Where to print.
            kept_in: The folder of finished runs.
            json: Written after each run; None for none.
            temporary: Whether the folder goes when it is no longer needed.
        """
        self.console, self.kept_in, self.json, self.temporary = console, kept_in, json, temporary
        self.finished, self.written = 0, None

    def add(self, so_far: Comparison) -> None:
        """Show the last result and write all."""
        result = so_far.results[-1]
        self.console.print(
            f"  {result.flavour}, {result.images_per_class} a class, seed {result.seed}: "
            f"val {result.val_accuracy:.3f}, test {result.test_accuracy:.3f}, {result.seconds:.0f} s"
        )
        self.finished = len(so_far.results)
        if self.json is not None:
            self.written = so_far.save(self.json)

    def broken_off(self) -> None:
        """Say where the results are and how to go on."""
        if not self.finished:
            self.clear()
            return
        there = f" {self.written} has their results." if self.written else ""
        self.console.print(
            f"Not finished; {self.finished} runs are.{there} To go on, give the same command with --runs {self.kept_in}",
            style="yellow",
            soft_wrap=True,
        )

    def clear(self) -> None:
        """Take away runs that were kept for this command alone."""
        if self.temporary:
            shutil.rmtree(self.kept_in, ignore_errors=True)
