"""On Colab a learner is told what computes, how much work the lessons do, and what will be lost."""

from __future__ import annotations

import torch

from course_utils import runtime
from course_utils.notebook.colab import say_where_you_are


def test_without_a_gpu(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "best_device", lambda: torch.device("cpu"))
    say_where_you_are()
    said = capsys.readouterr().out
    assert "This session has no GPU" in said and "profile `smoke`." in said and "COURSE_PROFILE" not in said
    assert "Save a copy in Drive" in said


def test_with_a_gpu(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "best_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    say_where_you_are()
    said = capsys.readouterr().out
    assert "has a GPU (Tesla T4)" in said and "profile `standard`. `%env COURSE_PROFILE=full`" in said
