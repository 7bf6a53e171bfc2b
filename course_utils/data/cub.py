"""CUB-200-2011 (Wah et al. 2011) in its official layout, from the folder or straight from its .tgz.

The layout: ``images/``, and four text files of one line a picture or class, ``images.txt`` (id, file),
``image_class_labels.txt`` (id, class id), ``train_test_split.txt`` (id, 1 for train) and ``classes.txt``
(class id, name). Any subset in that layout works too; classes without a picture in it are left out.
"""

from __future__ import annotations

import lzma
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PureWindowsPath

from course_utils import paths
from course_utils.data.listing import Entry, Listing
from course_utils.errors import CourseError
from course_utils.files import sha256

TABLES = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")
SPLIT_OF_FLAG = {"0": "test", "1": "train"}
UNPACKING_ERRORS = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    OverflowError,
    ValueError,
)


def is_cub(folder: Path) -> bool:
    """Whether ``folder``, or its sub-folder ``CUB_200_2011``, has the official layout."""
    return _root(folder) is not None


def _root(folder: Path) -> Path | None:
    roots = (folder, folder / "CUB_200_2011")
    try:
        return next((r for r in roots if all((r / table).is_file() for table in TABLES[:3])), None)
    except OSError as error:
        raise CourseError(
            f"{folder} can't be read: {error.strerror}. Check the path and its permissions."
        ) from error


def list_cub(folder: Path) -> Listing:
    """List the pictures of a folder in CUB-200-2011's layout.

    Raises:
        CourseError: A table is missing or its lines don't fit the others.
    """
    root = _root(folder)
    if root is None:
        raise CourseError(f"{folder} is not in CUB-200-2011's layout: expected {', '.join(TABLES)} in it.")
    files, labels, flags, all_names = (_table(root / table) for table in TABLES)
    if not files or not files.keys() == labels.keys() == flags.keys():
        raise CourseError(
            f"{root}: images.txt, image_class_labels.txt and train_test_split.txt name different ids."
        )
    _check_files(root / "images.txt", files)
    _check_flags(root / "train_test_split.txt", flags)
    names = _names(root / "classes.txt", all_names, set(labels.values()))
    order = {class_id: label for label, class_id in enumerate(sorted(names, key=lambda k: names[k]))}
    entries = tuple(
        Entry(f"images/{file}", order[labels[i]], SPLIT_OF_FLAG[flags[i]]) for i, file in files.items()
    )
    classes = tuple(sorted(names.values()))
    return Listing("CUB_200_2011", root, classes, entries)


def _names(table: Path, names: dict[str, str], used: set[str]) -> dict[str, str]:
    """The names of the classes that have pictures, by class id."""
    if unnamed := sorted(used - names.keys()):
        raise CourseError(f"{table} has no name for the class ids {', '.join(unnamed[:5])}.")
    names = {class_id: name for class_id, name in names.items() if class_id in used}
    _check_no_twins(table, names)
    if len(names) < 2:
        raise CourseError(
            f"{table.parent} has pictures of one class only ({', '.join(names.values())}); expected two or more."
        )
    return names


def _check_files(table: Path, files: dict[str, str]) -> None:
    _check_no_twins(table, files)
    for i, file in files.items():
        # Windows' rules know both slashes and drive letters, so they hold on every system.
        path = PureWindowsPath(file)
        if path.anchor or ".." in path.parts:
            raise CourseError(
                f"{table} names a file outside the data set under id {i}: {file!r}. "
                "Expected paths below images/, such as 001.Black_footed_Albatross/a.jpg."
            )


def _check_flags(table: Path, flags: dict[str, str]) -> None:
    for i, flag in flags.items():
        if flag not in SPLIT_OF_FLAG:
            raise CourseError(f"{table} has the flag {flag!r} for id {i}; expected 1 (train) or 0 (test).")


def _check_no_twins(table: Path, values: dict[str, str]) -> None:
    first: dict[str, str] = {}
    for i, value in values.items():
        if (other := first.setdefault(value, i)) != i:
            raise CourseError(f"{table} lists {value!r} under two ids, {other} and {i}. Keep one of them.")


def _table(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise CourseError(f"{file} can't be read as lines of 'id value': {error}.") from error
    table: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match line.strip().split(maxsplit=1):
            case []:
                continue
            case [key, value] if key not in table:
                table[key] = value
            case [key, _]:
                raise CourseError(f"{file} lists id {key} twice, again in line {number}. Keep one of them.")
            case _:
                raise CourseError(f"{file} has {line!r} in line {number}; expected 'id value'.")
    return table


def unpack(archive: Path) -> Path:
    """Unpack CUB-200-2011's .tgz into the cache, once, and return the folder.

    The folder is keyed by the archive's content, filled under a temporary name and moved into place, so
    an interrupted call leaves nothing half-done behind.

    Raises:
        CourseError: Not a tar archive, damaged, or with members that would land outside the folder.
    """
    archives = paths.cache_dir("archives")
    try:
        target = archives / sha256(archive)[:16]
        if not target.is_dir():
            _fill(target, archive)
    except UNPACKING_ERRORS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
        raise CourseError(
            f"{archive} can't be unpacked ({reason}). Download it again; a .tgz was expected."
        ) from error
    return target


def _fill(target: Path, archive: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix="unpacking-", dir=target.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(staging, filter="data")
            _check_end(tar)
        if not is_cub(staging):
            raise CourseError(
                f"{archive} holds no CUB-200-2011 ({', '.join(TABLES)}). For other data, unpack it and give the folder."
            )
        if not target.is_dir():
            staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_end(tar: tarfile.TarFile) -> None:
    """Read an unpacked archive to its end: tarfile takes a damaged header for the end, and no checksum is met."""
    stream = tar.fileobj
    stream.seek(tar.offset)
    if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("a member's header is damaged")
    while stream.read(1 << 20):
        pass
