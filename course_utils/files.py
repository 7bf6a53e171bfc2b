"""Files that are whole or absent, and known by their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from course_utils.errors import CourseError


def sha256(file: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``file``; move it into place when the block ends well.

    A reader sees the old file or the new one, never a part, and a failed block leaves the old one. A link stays
    a link: what it leads to is replaced.

    Raises:
        CourseError: A folder, a device or a pipe is in the place.
    """
    target = _target(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}-", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with suppress(OSError):  # a share of another system, such as CIFS, may know no permissions
            temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file; what was in its place stays whole until the copy is.

    Raises:
        CourseError: It can't be written.
    """
    try:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise CourseError(
            f"{target} can't be written ({error.strerror or error}). Choose another folder."
        ) from error


def save_text(file: Path, text: str) -> Path:
    """Write a text that cost work to come by. If its place fails, keep it elsewhere and warn.

    A file's name that is no UTF-8 holds letters that can't be written; their numbers take their place.

    Returns:
        Where it is.
    """
    try:
        with replacing(file) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        return file
    except (OSError, CourseError) as error:
        kept = Path(tempfile.mkdtemp(prefix="course-")) / file.name
        kept.write_text(text, encoding="utf-8", errors="backslashreplace")
        warnings.warn(f"{file} can't be written ({error}). It is kept as {kept} instead.", stacklevel=2)
        return kept


def check_writable(file: Path) -> None:
    """Find out before hours of work whether their result can be written. The folder must be there.

    Raises:
        CourseError: It can't.
    """
    folder = _target(file).parent
    if not folder.is_dir():
        raise CourseError(f"{file} can't be written: there is no folder {folder}. Make it, or name another.")
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Make sure that files can be written into a folder, by writing one; it is created if need be.

    Raises:
        CourseError: They can't.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"1")
    except OSError as error:
        raise CourseError(
            f"{folder} is no folder that can be written to ({error.strerror or error}). Choose another, or make "
            "room or permission there."
        ) from error


def _target(file: Path) -> Path:
    """Where to write: the end of a link, and never a folder or device."""
    if file.is_dir():
        raise CourseError(f"{file} is a folder; expected a file, such as {file / ('new' + file.suffix)}.")
    if file.exists() and not file.is_file():
        raise CourseError(f"{file} is a device or pipe, which keeps nothing; expected a file.")
    try:
        target = file.resolve()
    except RuntimeError:  # up to Python 3.12, where a link leads back to itself
        target = file
    if target.is_symlink():
        raise CourseError(f"The link {file} leads back to itself; expected a file. Delete the link.")
    return target
