"""CUB-200-2011 (Wah et al. 2011) in its official layout, from the folder or straight from its .tgz.

The layout: ``images/``, and four text files of one line a picture or class, ``images.txt`` (id, file),
``image_class_labels.txt`` (id, class id), ``train_test_split.txt`` (id, 1 for train) and ``classes.txt``
(class id, name). Any subset in that layout works too.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from course_utils import paths
from course_utils.data.listing import Entry, Listing
from course_utils.errors import CourseError
from course_utils.files import sha256

TABLES = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt")


def is_cub(folder: Path) -> bool:
    """Whether ``folder``, or its sub-folder ``CUB_200_2011``, has the official layout."""
    return _root(folder) is not None


def _root(folder: Path) -> Path | None:
    for root in (folder, folder / "CUB_200_2011"):
        if all((root / table).is_file() for table in TABLES[:3]):
            return root
    return None


def list_cub(folder: Path) -> Listing:
    """List the pictures of a folder in CUB-200-2011's layout.

    Raises:
        CourseError: A table is missing or its lines don't fit the others.
    """
    root = _root(folder)
    if root is None:
        raise CourseError(f"{folder} is not in CUB-200-2011's layout: expected {', '.join(TABLES)} in it.")
    files, labels, is_train, names = (_table(root / table) for table in TABLES)
    if not files or not files.keys() == labels.keys() == is_train.keys():
        raise CourseError(
            f"{root}: images.txt, image_class_labels.txt and train_test_split.txt name different ids."
        )
    if unnamed := sorted(set(labels.values()) - names.keys()):
        raise CourseError(f"{root / 'classes.txt'} has no name for the class ids {', '.join(unnamed[:5])}.")
    order = {class_id: label for label, class_id in enumerate(sorted(names, key=lambda k: names[k]))}
    entries = tuple(
        Entry(f"images/{file}", order[labels[i]], "train" if is_train[i] == "1" else "test")
        for i, file in files.items()
    )
    classes = tuple(sorted(names.values()))
    return Listing("CUB_200_2011", root, classes, entries)


def _table(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return dict(line.split(maxsplit=1) for line in lines if line.strip())
    except (OSError, ValueError) as error:
        raise CourseError(f"{file} can't be read as lines of 'id value': {error}.") from error


def unpack(archive: Path) -> Path:
    """Unpack CUB-200-2011's .tgz into the cache, once, and return the folder.

    The folder is keyed by the archive's content, filled under a temporary name and moved into place, so
    an interrupted call leaves nothing half-done behind.

    Raises:
        CourseError: Not a tar archive, damaged, or with members that would land outside the folder.
    """
    target = paths.cache_dir("archives") / sha256(archive)[:16]
    if target.is_dir():
        return target
    staging = Path(tempfile.mkdtemp(prefix="unpacking-", dir=target.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(staging, filter="data")
        if not is_cub(staging):
            raise CourseError(
                f"{archive} holds no CUB-200-2011 ({', '.join(TABLES)}). For other data, unpack it and give the folder."
            )
        if not target.is_dir():
            staging.rename(target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CourseError(
            f"{archive} can't be unpacked ({error}). Download it again; a .tgz was expected."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target
