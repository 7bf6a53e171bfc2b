"""Print docs/cheatsheet.html through chromium: one page, two sides, as build/cheatsheet.pdf.

    python tools/cheatsheet.py [FILE]

Chrome or Debian's chromium is taken where there is one; otherwise playwright's own, which
`python -m playwright install chromium` gets.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SHEET = ROOT / "docs" / "cheatsheet.html"
BROWSERS = ("chromium", "google-chrome", "chromium-browser")
CUT_OFF = """
for (const side of document.querySelectorAll(".side"))
  for (const part of [side, ...side.querySelectorAll("pre, .columns, .column")])
    if (part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1)
      return part.innerText.slice(0, 60);
return "";
"""
"""Says what does not fit, in the page's own script."""


def print_sheet(file: Path, sheet: Path = SHEET) -> None:
    """Write the sheet as a PDF.

    Args:
        file: Where to.
        sheet: The page.

    Raises:
        SystemExit: There is no browser, or something on a side is cut off.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        try:
            running = _launch(driver.chromium, browser)
        except Error as error:
            raise SystemExit(
                "There is no chromium to print with. Get one: python -m playwright install chromium. "
                f"({error.message.splitlines()[0]})"
            ) from None
        page = running.new_page()
        page.goto(sheet.as_uri())
        page.emulate_media(media="print")
        if cut := page.evaluate(f"() => {{{CUT_OFF}}}"):
            running.close()
            raise SystemExit(f"{sheet.name}: a side is too full; what is cut off begins with {cut!r}.")
        file.parent.mkdir(parents=True, exist_ok=True)
        page.pdf(path=file, prefer_css_page_size=True, print_background=True)
        running.close()


def _launch(chromium: BrowserType, browser: str | None) -> Browser:
    """Chrome or chromium on the path, playwright's own, or Chrome where its installer has put it."""
    quiet = ["--no-sandbox"]
    try:
        return chromium.launch(executable_path=browser, args=quiet)
    except Error:
        return chromium.launch(channel="chrome", args=quiet)


def main(
    file: Annotated[Path, typer.Argument(help="Where to.")] = ROOT / "build" / "cheatsheet.pdf",
) -> None:
    """Print the cheat sheet."""
    print_sheet(file)
    typer.echo(f"Written: {file}. Print it on both sides of one A4 page.")


if __name__ == "__main__":
    typer.run(main)
