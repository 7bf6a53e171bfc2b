"""The datasheet of a set of scans: the text of ``datasheet.md`` with tables of what the set holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from drawn_set.finding import Finding
from scans.anomalies import ANOMALIES
from scans.dataset import SHOWN
from scans.patient import LARGEST_HEALTHY
from scans.study import HEART

GRADES = ("subtle", "moderate", "plain")
TEMPLATE = Path(__file__).with_name("datasheet.md")


def datasheet(folder: Path, findings: Sequence[Finding]) -> str:
    """The text of a set's DATASHEET.md.

    Args:
        folder: Of the set, with its ``studies.csv``.
        findings: Of its audit.
    """
    text = TEMPLATE.read_text(encoding="utf-8")
    notes = pd.read_csv(folder / "studies.csv", keep_default_na=False)
    parts = {
        "@composition": "\n".join(composition(notes)),
        "@audit": "\n".join(audit_table(findings)),
        "@shown": f"{SHOWN:.0%}",
        "@healthy": f"{LARGEST_HEALTHY:g}",
        "@heart": f"{HEART[0]:g}",
    }
    for mark, part in parts.items():
        text = text.replace(mark, part)
    return text


def composition(notes: pd.DataFrame) -> Iterator[str]:
    """What the set consists of, as Markdown lines."""
    yield f"{len(notes):,} studies of {notes.patient.nunique():,} invented patients:"
    yield ""
    yield f"| split | scanners | patients | studies | with an anomaly | {' | '.join(ANOMALIES)} |"
    yield f"|---|---|{'--:|' * (3 + len(ANOMALIES))}"
    for split, part in notes.groupby("split", sort=False):
        counts = " | ".join(str(int((part.anomaly == anomaly).sum())) for anomaly in ANOMALIES)
        scanners = ", ".join(sorted(set(part.scanner)))
        share = (part.anomaly != "").mean()
        yield f"| {split} | {scanners} | {part.patient.nunique()} | {len(part)} | {share:.0%} | {counts} |"
    yield ""
    yield "Of the studies with an anomaly, by grade:"
    yield ""
    yield f"| split | {' | '.join(GRADES)} |"
    yield f"|---|{'--:|' * len(GRADES)}"
    for split, part in notes[notes.anomaly != ""].groupby("split", sort=False):
        shares = " | ".join(f"{(part.grade == grade).mean():.0%}" for grade in GRADES)
        yield f"| {split} | {shares} |"


def audit_table(findings: Sequence[Finding]) -> Iterator[str]:
    """What the search for shortcuts found, as Markdown lines."""
    yield from ("| question | found | has to be |", "|---|---|---|")
    for finding in findings:
        yield f"| {finding.question} | {finding.found} | {finding.limit} |"
