"""A cell whose library is absent says the line to type, in a real shell, and the next cells run."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils.notebook import absent
from course_utils.notebook.absent import skip_without

NEEDED = {"Feathers": "no_such_library>=2,<3", "NumPy": "numpy>=1"}


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a cell in a shell that leaves cells out; what it prints."""
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    skip_without(NEEDED)

    def run(cell: str) -> str:
        shell.run_cell(cell).raise_error()
        return capsys.readouterr().out

    yield run
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("label", ["# Feathers", "# NumPy, Feathers", "# timm, Feathers"])
def test_a_cell_that_needs_what_is_absent_is_left_out(run, label):
    said = run(f"{label}\nimport no_such_library\nx = 1")
    assert "needs no_such_library, which is not here" in said
    assert '%pip install "no_such_library>=2,<3"' in said
    assert "'x' in globals()" not in said and run("print('x' in globals())") == "False\n"


@pytest.mark.parametrize(
    "cell",
    ["# NumPy\nprint(7)", "# timm\nprint(7)", "# Feathers are soft.\nprint(7)", "print(7)\n# Feathers"],
)
def test_every_other_cell_runs(run, cell):
    assert run(cell) == "7\n"


def test_a_version_outside_the_range_is_named(run, monkeypatch):
    monkeypatch.setattr(absent.metadata, "version", lambda name: "0.9")
    assert "needs numpy, which is here as 0.9" in run("# NumPy\nprint(7)")


def test_asked_twice_it_says_it_once(run):
    skip_without(NEEDED)
    assert run("# Feathers\nprint(7)").count("%pip") == 1


def test_outside_a_notebook_nothing_happens(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    skip_without(NEEDED)
