"""A table of results for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

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
