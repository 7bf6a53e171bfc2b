"""The studies that lessons cite: which one thing is changed, and the hours of training behind them.

``bird_variants`` and ``scan_variants`` are the designs; ``bird_studies`` and ``scan_studies`` train them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_utils.experiments.store import Kept, provenance_table
from course_utils.files import save_text


def save_studies(studies: Mapping[str, Sequence[Kept[Any]]], file: Path, **about: str | int) -> None:
    """Write the runs of studies as JSON by name, with where they come from.

    Args:
        studies: Runs whose fields can be written as JSON.
        file: Where to.
        about: What else is said of all of them.
    """
    everything = [kept for done in studies.values() for kept in done]
    runs = {name: [asdict(kept.result) for kept in done] for name, done in studies.items()}
    text = {**about, "provenance": provenance_table(kept.provenance for kept in everything), "studies": runs}
    save_text(file, json.dumps(text) + "\n")
