"""Links lead somewhere: from lessons to lessons and the glossary, from pages to files, and within the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "notebooks" / "glossary.md"
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "drawing" / "README.md",
    GLOSSARY,
]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def links(text: str) -> list[str]:
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [target for target in LINK.findall(prose) if "://" not in target]


def prose_of(lesson: Path) -> str:
    """A lesson's text cells; a link may run over a line."""
    lines = [
        line[1:].strip() for line in lesson.read_text(encoding="utf-8").splitlines() if line.startswith("#")
    ]
    return " ".join(lines)


def anchors(page: Path) -> list[str]:
    """What GitHub makes of a page's headings, and JupyterLab, too, of the glossary's, which are in lower case for that."""
    headings = [
        line.lstrip("#").strip()
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    if page != GLOSSARY:
        headings = [re.sub(r"[^\w -]", "", heading.lower()) for heading in headings]
    return [heading.replace(" ", "-") for heading in headings]


def exists(target: str, folder: Path) -> bool:
    """Whether a link from a page in ``folder`` leads to a file, or to a notebook that is built from a lesson."""
    name, _, anchor = target.partition("#")
    file = (folder / name).resolve()
    if file == ROOT / "notebooks" / "solutions":
        return True  # built, as the notebooks are
    if file.suffix == ".ipynb":
        return (ROOT / "lessons" / f"{file.stem}.py").is_file()
    return file.exists() and (not anchor or anchor in anchors(file))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda p: p.stem)
def test_links_of_a_lesson(lesson):
    for target in links(prose_of(lesson)):
        assert exists(target, ROOT / "notebooks"), f"{lesson.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_of_a_page(page):
    for target in links(page.read_text(encoding="utf-8")):
        name = f"{page.name}{target}" if target.startswith("#") else target
        assert exists(name, page.parent), f"{page.name}: {target}"


def test_glossary_is_in_order_and_has_anchors_that_every_viewer_makes_alike():
    terms = [
        line[4:] for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("### ")
    ]
    assert len(terms) >= 40 and len(set(terms)) == len(terms)
    assert [t.replace("-", " ") for t in terms] == sorted(t.replace("-", " ") for t in terms)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9 -]*", term) for term in terms)


def test_the_first_lessons_link_to_the_glossary():
    for lesson in LESSONS[:3]:
        assert len([t for t in links(prose_of(lesson)) if t.startswith("glossary.md#")]) >= 5
