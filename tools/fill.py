"""Give a lesson's notebooks their outputs: stored ones where they still hold, new ones elsewhere."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebook.execute import execute
from course_utils.notebook.runner import show_progress
from keep_outputs import clear, matching, put_back
from outputs import code_cells, problems, tidy, verdict_problems


def fill(
    stubs: NotebookNode, solved: NotebookNode, stored: NotebookNode | None, *, target: Path, profile: str
) -> str:
    """Give the notebook with stubs its outputs and try the one with solutions, in place.

    Where all outputs are kept, nothing is executed, the solutions neither: `make test` does that.

    Args:
        stubs: The notebook with stubs.
        solved: The one with solutions; it stays without outputs.
        stored: The notebook with stubs as it was executed before; None keeps nothing.
        target: Where the notebook with stubs will lie; its folder is the kernel's working directory.
        profile: How much work the lesson does.

    Returns:
        What has become of the outputs, in a few words.

    Raises:
        CourseError: A cell failed, or an output must not be published.
    """
    kept = matching(stubs, stored) if stored else {}
    name, solved_name = f"notebooks/{target.name}", f"notebooks/solutions/{target.name}"
    n_cells = len(list(code_cells(stubs)))
    if len(kept) < n_cells:
        _execute(stubs, target.parent, name, profile)
    put_back(stubs, kept)
    _finish(stubs, name, solved=False)
    if len(kept) == n_cells:
        return "all outputs kept, nothing executed"
    _execute(solved, target.parent, solved_name, profile)
    _finish(solved, solved_name, solved=True)
    clear(solved)
    return (
        f"outputs of {len(kept)} of {n_cells} code cells kept, the others new" if kept else "all outputs new"
    )


def _execute(notebook: NotebookNode, folder: Path, name: str, profile: str) -> None:
    folder.mkdir(exist_ok=True)
    try:
        with show_progress(name) as on_cell:
            execute(notebook, folder=folder, profile=profile, on_cell=on_cell)
    except CourseError as error:
        raise CourseError(f"{name}, {error}") from error


def _finish(notebook: NotebookNode, name: str, *, solved: bool) -> None:
    for cell in code_cells(notebook):
        if "network" in cell.metadata.get("tags", []):
            cell.outputs = []
    tidy(notebook)
    found = [*problems(notebook), *verdict_problems(notebook, solved=solved)]
    if found:
        raise CourseError("\n".join(f"{name}, {problem}" for problem in found))
