"""Which outputs of a stored notebook a new one may keep: those of cells whose code is the same but for imports."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import count

from nbformat import NotebookNode

from outputs import code_cells, images


def matching(notebook: NotebookNode, stored: NotebookNode) -> dict[int, NotebookNode]:
    """The stored cells whose outputs a notebook keeps.

    All of its code cells keep theirs if each is in the stored notebook, in the same order; some of the stored ones may
    be gone. If there are new ones among them and no stored one is gone, all but the new ones do. Otherwise something
    was changed, and none does. Markdown does not count. Where cells with the same code leave it open which is which,
    and that matters, none does either.

    Args:
        notebook: The new notebook.
        stored: The notebook as it was stored, executed.

    Returns:
        Stored cells by the place, from 0, of the new one among the code cells.
    """
    old = list(code_cells(stored))
    codes, old_codes = (_codes([cell.source for cell in code_cells(n)]) for n in (notebook, stored))
    if len(codes) <= len(old_codes):
        first, last = _places(codes, old_codes), _last_places(codes, old_codes)
        sure = all(old[a].outputs == old[b].outputs for a, b in zip(first, last, strict=True))
        return {i: old[place] for i, place in enumerate(first)} if sure else {}
    first, last = _places(old_codes, codes), _last_places(old_codes, codes)
    sure = all(a == b or not old[i].outputs for i, (a, b) in enumerate(zip(first, last, strict=True)))
    return {place: old[i] for i, place in enumerate(first)} if sure else {}


def put_back(notebook: NotebookNode, kept: dict[int, NotebookNode]) -> None:
    """Give cells the outputs they keep, in place, and number all cells that run from 1.

    Alt texts that came from the stored cell's header go, so that the new header's take their place.

    Args:
        notebook: The new notebook.
        kept: What :func:`matching` found.
    """
    numbers = count(1)
    for place, cell in enumerate(code_cells(notebook)):
        if place in kept:
            cell.outputs = [_without_alt(out, "alt" in kept[place].metadata) for out in kept[place].outputs]
        cell.execution_count = next(numbers) if cell.source.strip() else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count


def clear(notebook: NotebookNode) -> None:
    """Take all outputs and numbers away, in place."""
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def _without_alt(output: NotebookNode, from_header: bool) -> NotebookNode:
    if from_header:
        for kind in images(output):
            output.metadata.get(kind, {}).pop("alt", None)
    return output


def _codes(sources: Sequence[str]) -> list[str]:
    """What of each cell's source decides its outputs: no imports, no comments, no layout.

    Nor does it count from which module of the course a helper is taken: ``plots.show()`` is ``figures.show()``. A cell with
    magics, which is not Python, is compared by its text. A last ``;`` counts: it hides a result.
    """
    trees = [_tree(source) for source in sources]
    imported = (node for tree in trees if tree for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    ours = {alias.asname or alias.name for node in imported if _is_ours(node) for alias in node.names}
    return [
        f"{ast.dump(_OnlyCode(ours).visit(tree))}{source.rstrip()[-1:] == ';'}" if tree else source.strip()
        for source, tree in zip(sources, trees, strict=True)
    ]


def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _is_ours(node: ast.ImportFrom) -> bool:
    return (node.module or "").partition(".")[0] == "course_utils"


class _OnlyCode(ast.NodeTransformer):
    def __init__(self, ours: set[str]) -> None:
        self.ours = ours

    def visit_Import(self, node: ast.Import) -> None:
        """Drop it."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Drop it."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Drop the module that a helper of the course is taken from."""
        self.generic_visit(node)
        ours = isinstance(node.value, ast.Name) and node.value.id in self.ours
        return ast.Name(node.attr, node.ctx) if ours else node


def _places(some: Sequence[str], among: Sequence[str]) -> list[int]:
    """Where each of some codes is among others, in order and as early as possible; empty if not all of them are."""
    places: list[int] = []
    for code in some:
        start = places[-1] + 1 if places else 0
        try:
            places.append(among.index(code, start))
        except ValueError:
            return []
    return places


def _last_places(some: Sequence[str], among: Sequence[str]) -> list[int]:
    """The same, as late as possible."""
    return [len(among) - 1 - place for place in reversed(_places(some[::-1], among[::-1]))]
