"""The first cell of every notebook, which fetches the course where it is missing, and the links that lead on from Colab.

What the cell runs is lessons/get_course.py, with the address of the repository, once pyproject.toml names one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TAG = "get-course"
_CODE = (Path(__file__).resolve().parents[1] / "lessons" / "get_course.py").read_text(encoding="utf-8")
_GITHUB = re.compile(r"https://github\.com/[^/]+/[^/]+")


@dataclass(frozen=True)
class Home:
    """Where the course can be had.

    Attributes:
        address: Of the repository; empty as long as it has none.
        version: Of the course; its tag is this with a ``v``.
        oldest_torch: The oldest torch that the course takes.
    """

    address: str
    version: str
    oldest_torch: str

    @property
    def on_github(self) -> bool:
        """Whether Colab can open its notebooks."""
        return bool(_GITHUB.fullmatch(self.address))

    def on_colab(self, path: str) -> str:
        """The address at which Colab opens a notebook of the repository."""
        return f"{self.address.replace('github.com', 'colab.research.google.com/github')}/blob/v{self.version}/{path}"


def home(root: Path) -> Home:
    """What pyproject.toml says."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (torch,) = (r for r in map(Requirement, project["dependencies"]) if r.name == "torch")
    oldest = next(s.version for s in torch.specifier if s.operator == ">=")
    return Home(project.get("urls", {}).get("Repository", ""), project["version"], oldest)


def add(notebook: NotebookNode, path: str, following: str | None, at: Home) -> None:
    """Put the cell before the first code cell, and the links below the title, in place.

    Args:
        notebook: A notebook without them.
        path: Its place in the repository.
        following: The place of the next lesson, if there is one.
        at: Where the course can be had.
    """
    code = _CODE.partition('"""\n\n')[2].rstrip()
    for name, value in (("ADDRESS", at.address), ("VERSION", at.version), ("OLDEST_TORCH", at.oldest_torch)):
        code = code.replace(f'"{name}"', f'"{value}"')
    cell = new_code_cell(code, id=hashlib.sha256(f"{path}\n{code}".encode()).hexdigest()[:12])
    cell.metadata = NotebookNode(tags=[TAG], jupyter=NotebookNode(source_hidden=True), cellView="form")
    first = next((i for i, c in enumerate(notebook.cells) if c.cell_type == "code"), len(notebook.cells))
    notebook.cells.insert(first, cell)
    if at.on_github and first:
        title, _, text = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n{_links(path, following, at)}\n{text}"


def without(notebook: NotebookNode) -> NotebookNode:
    """Take the cell away, in place."""
    notebook.cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    return notebook


def _links(path: str, following: str | None, at: Home) -> str:
    glossary = f"{at.address}/blob/v{at.version}/notebooks/glossary.md"
    links = [f"[glossary]({glossary})", *([f"[next lesson]({at.on_colab(following)})"] if following else [])]
    return (
        f"*[Open this lesson in Colab]({at.on_colab(path)}). On Colab the links in the text lead nowhere; these do: "
        f"{', '.join(links)}.*"
    )
