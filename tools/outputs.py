"""What an executed notebook may contain: tidy its outputs, and name what must not be published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_utils.notebook.checks import CORRECT, NOT_YET
from course_utils.notebook.described import parse_image_tag
from course_utils.notebook.execute import plain
from small_pictures import KINDS, smaller

if TYPE_CHECKING:
    from nbformat import NotebookNode

MAX_BYTES = 500_000
_WIDGET = "application/vnd.jupyter.widget-view+json"
_PROGRESS = re.compile(r"\d+%\||\d+(it|\S*/\d+\S*)? \[\d+:\d\d.*\]")
_IMAGE_WITHOUT_ALT = re.compile(r"""<img\b(?![^>]*\balt=(?:"[^"]+"|'[^']+'))""")
_MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:home|root|Users|tmp|var/folders)/|[A-Z]:\\Users\\)\S*")


def tidy(notebook: NotebookNode) -> None:
    """Keep of the outputs and the metadata, in place, what is the same on every machine and needed to read them.

    Goes: progress bars and the views of widgets. A figure that showed itself as an ``<img>``, for JupyterLab's sake,
    becomes an image output, which every viewer shows, in few bytes. The cell's ``alt`` becomes the alt text of its
    pictures. Tidying a second time changes nothing.
    """
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in code_cells(notebook):
        cell.outputs = list(filter(_clean, cell.outputs))
        for output in cell.outputs:
            _unwrap_figure(output)
            _shrink_images(output)
        _describe_images(cell)


def problems(notebook: NotebookNode) -> Iterator[str]:
    """What must not be published: errors, stderr, widgets, pictures without alt text, paths of a machine."""
    if "widgets" in notebook.metadata:
        yield "the notebook's metadata holds widget state"
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "![](" in cell.source:
            yield f"a picture without alt text in the text that starts {cell.source[:60]!r}"
    for cell in code_cells(notebook):
        where = f"cell [{cell.execution_count}] ({(cell.source.splitlines() or [''])[0]})"
        for output in cell.outputs:
            yield from (f"{where}: {problem}" for problem in _output_problems(output))


def verdict_problems(notebook: NotebookNode, *, solved: bool) -> Iterator[str]:
    """Checks that don't say what they must: "Correct" to the solution, "Not yet" to the stub."""
    expected = CORRECT if solved else NOT_YET
    for cell in code_cells(notebook):
        if "check" in cell.metadata.get("tags", []):
            said = list(_texts(cell))
            verdicts = {word for word in (CORRECT, NOT_YET) for text in said if text.startswith(word)}
            if verdicts != {expected}:
                yield f"check `{cell.source.splitlines()[0]}` should say {expected!r}, but said {said!r}"


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The code cells, in order."""
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def images(output: NotebookNode) -> list[str]:
    """The image types in which an output is there."""
    return [kind for kind in output.get("data", {}) if kind.startswith("image/")]


def _clean(output: NotebookNode) -> bool:
    """Tidy one output in place; ``False`` if nothing is left of it."""
    output.pop("transient", None)
    if output.output_type == "stream":
        return not (output.name == "stderr" and _is_progress(output.text))
    if output.get("data", {}).pop(_WIDGET, None) is None:
        return True
    return any(kind != "text/plain" for kind in output.data)


def _is_progress(text: str) -> bool:
    lines = [line for line in re.split(r"[\r\n]+", plain(text)) if line.strip()]
    return all(_PROGRESS.search(line) for line in lines)


def _unwrap_figure(output: NotebookNode) -> None:
    """Make an image output of a figure's ``<img>``. Its automatic alt text goes: the lesson brings a better one."""
    data = output.get("data", {})
    if found := parse_image_tag(data.get("text/html", "")):
        _, kind, content = found
        del data["text/html"]
        data[kind] = content


def _shrink_images(output: NotebookNode) -> None:
    for kind in set(images(output)) & set(KINDS):
        new_kind, content = smaller(kind, output.data[kind])
        if new_kind in output.data and new_kind != kind:
            continue  # it is there in both forms
        del output.data[kind]
        output.data[new_kind] = content
        if kind in output.metadata:
            output.metadata[new_kind] = output.metadata.pop(kind)


def _describe_images(cell: NotebookNode) -> None:
    pictures = [output for output in cell.outputs if images(output)]
    alt = cell.metadata.get("alt", [])
    texts = [alt] if isinstance(alt, str) else list(alt)
    if len(texts) != len(pictures):
        return
    for output, text in zip(pictures, texts, strict=True):
        output.data["text/plain"] = text
        for kind in images(output):
            output.metadata.setdefault(kind, {})["alt"] = text


def _output_problems(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"error {output.ename}: {output.evalue}"
        return
    if output.output_type == "stream":
        if output.name == "stderr":
            yield f"stderr: {plain(output.text).strip()[:500]}"
        texts = [output.text]
    else:
        texts = [text for kind, text in output.data.items() if kind.startswith("text/")]
        if _WIDGET in output.data:
            yield "a widget without a static form"
        for kind in images(output):
            if not output.metadata.get(kind, {}).get("alt"):
                yield f'{kind} without alt text: put alt="..." on the cell, or alt=["...", "..."] for several'
    for text in texts:
        if _IMAGE_WITHOUT_ALT.search(text):
            yield "an <img> without alt text"
        if found := _MACHINE_PATH.search(text):
            yield f"a path of this machine: {found[0]}"


def _texts(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        yield output.get("text") or output.get("data", {}).get("text/plain", "")
