"""What somebody who follows the course on Colab should know before the first lesson."""

from __future__ import annotations

import torch

from course_utils import runtime
from course_utils.notebook.notes import show_note


def say_where_you_are() -> None:
    """Say whether there is a GPU, which profile the lessons take, and what is lost when the session ends."""
    device, profile = runtime.best_device(), runtime.profile()
    if device.type == "cuda":
        computes = f"This session has a GPU ({torch.cuda.get_device_name(device)}), and the lessons use it."
        more = " `%env COURSE_PROFILE=full` in a cell of its own makes the lessons do more work."
    else:
        computes = (
            "This session has no GPU. The lessons do without; Runtime > Change runtime type offers one."
        )
        more = ""
    show_note("You are on Colab", f"{computes} They take the profile `{profile}`.{more}")
    show_note(
        "Keep your work",
        "Colab forgets what you type, and what you compute, when the session ends. "
        "File > Save a copy in Drive keeps the notebook.",
    )
