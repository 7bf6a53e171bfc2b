"""Execute a notebook in a kernel of the running interpreter."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils import paths
from course_utils.errors import CourseError

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STARTUP_SECONDS = 180
_LAST_OUTPUT_SECONDS = 60


class LessonFailed(CourseError):
    """A cell failed. The message has the cell's number, its first lines and the end of the traceback."""


def execute(
    notebook: NotebookNode,
    *,
    folder: Path,
    profile: str,
    on_cell: Callable[[int, int], None] = lambda number, total: None,
) -> None:
    """Run all cells, in place: outputs up to a failure are kept.

    There is no time limit: a lesson takes what it takes.

    Args:
        notebook: The notebook.
        folder: Working directory of the kernel.
        profile: ``smoke``, ``standard`` or ``full``.
        on_cell: Called before each code cell with its number from 1 and the number of code cells.

    Raises:
        LessonFailed: A cell raised, or the kernel stopped.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    numbers = _number_code_cells(notebook)
    running = -1

    def start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal running
        if cell_index in numbers:
            running = cell_index
            on_cell(numbers[cell_index], len(numbers))

    client = NotebookClient(
        notebook,
        km=_kernel_of_this_interpreter(),
        timeout=None,
        startup_timeout=_STARTUP_SECONDS,
        iopub_timeout=_LAST_OUTPUT_SECONDS,
        raise_on_iopub_timeout=True,
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        on_cell_start=start,
    )
    try:
        client.execute(cwd=str(folder), env=_environment(profile), cleanup_kc=True)
    except Exception as error:
        if getattr(client, "_async_cleanup_kernel_future", None):  # nbclient's own handler took Ctrl-C
            raise KeyboardInterrupt from None
        if not isinstance(error, (CellExecutionError, CellTimeoutError, RuntimeError)):
            raise
        raise LessonFailed(_report(notebook, running, numbers, error)) from None


def plain(text: str) -> str:
    """Text without terminal colours and cursor movements."""
    return _ANSI.sub("", text)


def _kernel_of_this_interpreter() -> AsyncKernelManager:
    """A kernel manager that ignores what kernels are installed, whatever ``python3`` means among them."""
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class ThisInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            # On Ctrl-C a kernel logs the socket that was closed on it as an error, with a traceback.
            quiet = get_kernel_dict(extra_arguments=["--log-level=CRITICAL"])
            return KernelSpec(resource_dir=RESOURCES, **quiet)

    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisInterpreter())


def _environment(profile: str) -> dict[str, str]:
    """This process' environment with the profile, and with figures shown in the notebook.

    The kernel works in another folder, so folders are named in full.
    """
    return {
        **os.environ,
        "COURSE_PROFILE": profile,
        "COURSE_OUT": str(paths.output_dir()),
        "COURSE_CACHE": str(paths.cache_dir()),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def _number_code_cells(notebook: NotebookNode) -> dict[int, int]:
    """Number, as in ``[5]``, of each cell that runs, by its index."""
    runs = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    return {index: number for number, index in enumerate(runs, start=1)}


def _report(notebook: NotebookNode, index: int, numbers: dict[int, int], error: Exception) -> str:
    if index < 0:
        return f"before the first cell: {error}"
    source = notebook.cells[index].source.splitlines()
    shown = [f"    {line}" for line in source[:4]] + ["    ..."] * (len(source) > 4)
    if isinstance(getattr(error, "traceback", None), str):
        reason = plain(error.traceback).strip().splitlines()[-12:]
    else:
        reason = [f"{error}. A kernel that stops without a traceback has often run out of memory."]
    return "\n".join([f"cell [{numbers[index]}] of {len(numbers)}:", *shown, *reason])
