"""An environment as on Colab, in which the course is a guest: its packages in its versions, and a `google.colab`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LISTED = (Path(__file__).parent / "colab.txt").read_text(encoding="utf-8").splitlines()[1:]
COLABS_TORCH = os.environ.get("GUEST_TORCH") == "colab"
"""Whether to download Colab's torch, several GB; by default the guest sees the one that runs the tests."""
PYTHON = os.environ.get("GUEST_PYTHON", sys.executable)
"""Of the guest; another one than that of the tests needs Colab's torch, too."""
LENT = re.compile(r"torch$|torchvision$|nvidia-|cuda-|triton$")
NO_INDEX = "(from versions: none)"
"""What pip says of a package that everybody has, where its index can't be reached."""
GOES_WITH_TORCH = re.compile(r"(torch|torchvision|setuptools)==")
STAND_IN = '''
def upload():
    """What Colab's dialog does: the chosen file lands in the working folder."""
    import os, shutil
    from pathlib import Path
    chosen = os.environ.get("CHOSEN")
    return {Path(shutil.copy(chosen, ".")).name: b""} if chosen else {}
'''


class Guest:
    """A virtual environment in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        subprocess.run([PYTHON, "-m", "venv", root / "env"], check=True)
        self.python = root / "env" / "bin" / "python"
        (self.site,) = (root / "env" / "lib").glob("python*/site-packages")
        if not COLABS_TORCH:
            self._lend_torch()
        lines = [line for line in LISTED if COLABS_TORCH or not GOES_WITH_TORCH.match(line)]
        (root / "listed.txt").write_text("\n".join(lines), encoding="utf-8")
        self.pip("install", "--no-compile", "-r", root / "listed.txt")  # most of it is never imported
        self._add_colab()

    def run(
        self, *words: object, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess:
        """Run this environment's Python, and nothing of ours on its path."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return subprocess.run(
            [self.python, *map(str, words)],
            cwd=folder or self.root,
            env=kept | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def pip(self, *words: object) -> str:
        """Run pip; a package index that can't be reached skips the test, but not in CI."""
        ran = self.run("-m", "pip", *words)
        if ran.returncode and "CI" not in os.environ and NO_INDEX in ran.stderr:
            pytest.skip("the package index can't be reached")
        assert ran.returncode == 0, ran.stderr[-3000:]
        return ran.stdout

    def versions(self) -> set[str]:
        """Every installed package with its version."""
        lines = self.pip("list", "--format=freeze").splitlines()
        return {line for line in lines if "==" in line}

    def _lend_torch(self) -> None:
        for found in metadata.distributions():
            if LENT.match(canonicalize_name(found.name)):
                for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
                    if not (self.site / top).exists():
                        (self.site / top).symlink_to(found.locate_file(top))

    def _add_colab(self) -> None:
        package = self.site / "google" / "colab"
        package.mkdir(parents=True)
        for init in (package.parent / "__init__.py", package / "__init__.py"):
            init.touch()
        (package / "files.py").write_text(STAND_IN, encoding="utf-8")
        (self.site / "colab.pth").write_text(
            "import os; 'NO_COLAB' in os.environ or __import__('google.colab')\n", encoding="utf-8"
        )


def build_wheel(folder: Path) -> Path:
    """Build the course's wheel as `pip` does for anybody."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    (wheel,) = folder.glob("*.whl")
    return wheel
