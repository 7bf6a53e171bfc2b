"""A pytest plugin for lessons that are tested side by side: a kernel that dies while it starts is started again.

A free port is looked for before the kernel takes it, so of what starts at the same time one may find its port taken.
"""

from __future__ import annotations

from typing import Any

from nbval import plugin
from nbval.kernel import RunningKernel

ATTEMPTS = 4


class PatientKernel(RunningKernel):
    """nbval's kernel, which gives up only after several attempts."""

    def __init__(self, *args: Any, **named: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                super().__init__(*args, **named)
                return
            except RuntimeError:
                if attempt == ATTEMPTS:
                    raise


plugin.RunningKernel = PatientKernel
