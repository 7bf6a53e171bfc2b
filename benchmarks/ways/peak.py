"""How much memory this process has taken at most."""

from __future__ import annotations

import re
from pathlib import Path


def peak_megabytes() -> float:
    """Linux's own count; 0.0 elsewhere. getrusage would count what the process was that started this one."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0.0
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[1]) * 1024 / 1e6
