"""Pictures in ImageFolder layout: a folder a class, with or without split folders above them.

Every file below the root is listed, left out with a reason, or passed over and counted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_utils.data.decode import OTHER_IMAGES
from course_utils.data.listing import Entry, LeftOut, Listing
from course_utils.data.tree import Folder, read_tree
from course_utils.errors import CourseError

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
PLAIN_WORDS = frozenset(
    [
        "data",
        "dataset",
        "folder",
        "image",
        "images",
        "img",
        "imgs",
        "photos",
        "pictures",
        "seg",
        "set",
        "split",
    ]
)
"""Words beside a split's that say nothing, as in seg_train, train_images, testSet."""

PICTURES = frozenset(["image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"])
MASKS = frozenset(
    ["annotation", "annotations", "label", "labels", "mask", "masks", "segmentation", "segmentations"]
)
EXPECTED = "Expected one folder a class with pictures in it, e.g. sparrow/1.jpg and wren/1.jpg"


def list_folder(root: Path) -> Listing:
    """List the pictures below ``root``.

    What Pillow reads is a picture, by its suffix or by its first bytes. Hidden files, texts, and folders of the system at
    any depth (``.thumbnails``, ``__MACOSX``, ``@eaDir``) are passed over and counted. Every other file that is not used is
    named with the reason. A split's or a class's folder may be a link; links to folders inside a class are not followed.
    A name is the same however its accents are stored (NFC or NFD, as macOS does it).

    Args:
        root: Holds class folders, or folders of splits that hold them. A split's name is train, val, test or what else
            people call them, such as ``Training``, ``validation``, ``seg_test``, ``train_images``. A folder that is alone
            in its place is looked through.

    Raises:
        CourseError: No class folders, fewer than two, two folders for one split or class, splits that disagree on the
            classes, or folders that can be splits as well as classes.
    """
    whole = read_tree(root)
    _leave_out_masks(whole)
    top, splits = whole, _splits(whole)
    while not splits and _only_folder(top) is not top:
        top = _only_folder(top)
        splits = _splits(top)
    holders = [(_innermost(folder), split) for folder, split in splits] or [(top, None)]
    classes = _classes(root, whole, holders)
    labels = {name: label for label, name in enumerate(classes)}
    entries = [
        Entry(_relative(root, file), labels[folder.name], split)
        for holder, split in holders
        for folder in holder.folders
        for file in sorted(folder.pictures_below)
    ]
    left_out = {file: reason for folder in whole for file, reason in folder.left_out.items()}
    used = {entry.file for entry in entries}
    stray = [file for file in whole.pictures_below if _relative(root, file) not in used]
    left_out |= {file: _place(top, [folder for folder, _ in splits], file) for file in stray}
    left_out |= {
        folder.path: "folders without pictures, so no classes"
        for holder, _ in holders
        for folder in holder.folders
        if not folder.pictures_below
    }
    return Listing(
        root.resolve().name,
        root,
        classes,
        tuple(entries),
        tuple(LeftOut(_relative(root, file), reason) for file, reason in sorted(left_out.items())),
        tuple(_relative(root, file) for folder in whole for file in folder.passed_over),
    )


def _only_folder(folder: Folder) -> Folder:
    """The only one in it that has pictures, as archives unpack; otherwise the folder itself."""
    full = _with_pictures(folder)
    return full[0] if folder.holds_folders and len(full) == 1 and full[0].holds_folders else folder


def _innermost(folder: Folder) -> Folder:
    """Where the class folders of a split are: seg_train/seg_train/forest."""
    inside = _only_folder(folder)
    return folder if inside is folder else _innermost(inside)


def _with_pictures(folder: Folder) -> list[Folder]:
    return [inside for inside in folder.folders if inside.pictures_below]


def _splits(top: Folder) -> list[tuple[Folder, str]]:
    """Which folders are splits: those that are called so and hold class folders."""
    named = []
    for folder in top.folders:
        words = _words(folder.name)
        splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
        if len(splits) == 1:
            others = [word for word in words if word not in SPLIT_WORDS and word not in PLAIN_WORDS]
            named.append((folder, splits.pop(), others))
    # Another word beside it may make it a class (freight_train), unless another split has the same word (asl_test).
    named = [
        (folder, split)
        for folder, split, others in named
        if not others or any(others == same and split != other for _, other, same in named)
    ]
    # A stray picture beside class folders makes no class of a split.
    holding = [(f, split) for f, split in named if f.holds_folders or len(_with_pictures(f)) > 1]
    by_split = defaultdict(list)
    for folder, split in holding:
        by_split[split].append(folder)
    full = [folder for folder, _ in named if folder.pictures]
    if not holding and len(full) > 1:
        raise CourseError(
            f"{top.path} has the splits {_names(full)}, but no class folders in them. {EXPECTED} in each split."
        )
    for split, twins in by_split.items():
        if len(twins) > 1:
            raise CourseError(
                f"{top.path} has {len(twins)} folders for {split}: {_names(twins)}. Expected one; merge or rename them."
            )
    if by_split and "train" not in by_split:
        names = _names(folder for folder, _ in holding)
        raise CourseError(f"{top.path} has {names} but no train folder. Add one, or remove the others.")
    return holding


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def _leave_out_masks(folder: Folder) -> None:
    """Where folders of pictures and of their masks lie side by side, only the pictures stay."""
    names = {inside.name.lower() for inside in _with_pictures(folder)}
    if names & PICTURES and names & MASKS and names <= PICTURES | MASKS:
        for inside in [inside for inside in _with_pictures(folder) if inside.name.lower() in MASKS]:
            folder.folders.remove(inside)
            for part in inside:
                folder.left_out |= part.left_out
                folder.passed_over += part.passed_over
            reason = f"in {inside.name}/ beside pictures, taken for masks of them"
            folder.left_out |= dict.fromkeys(inside.pictures_below, reason)
    for inside in folder.folders:
        _leave_out_masks(inside)


def _classes(root: Path, whole: Folder, holders: Sequence[tuple[Folder, str | None]]) -> tuple[str, ...]:
    first = next(holder for holder, split in holders if split in (None, "train"))
    train = {folder.name for folder in _with_pictures(first)}
    for holder, _ in holders:
        if odd := sorted({folder.name for folder in _with_pictures(holder)} - train):
            raise CourseError(f"{holder.path} has classes that {first.path} lacks: {', '.join(odd[:5])}.")
    if len(train) < 2:
        inside = sum(1 for _ in root.iterdir())
        kinds = sorted({file.suffix.lower() for folder in whole for file in folder.left_out} & OTHER_IMAGES)
        convert = (
            f" Pictures of the kind {', '.join(kinds)} can't be read; convert them to JPEG." if kinds else ""
        )
        raise CourseError(
            f"{root} has {len(train)} class folders with pictures ({inside} items in all). {EXPECTED}.{convert}"
        )
    _check_levels(first)
    return tuple(sorted(train))


def _check_levels(holder: Folder) -> None:
    """Folders that hold the same folders may be splits, or sites, and the classes be one level further down."""
    outer = _with_pictures(holder)
    inner = set.intersection(*({folder.name for folder in _with_pictures(inside)} for inside in outer))
    if all(folder.holds_folders for folder in outer) and len(inner) > 1:
        above, below = _names(outer[:5]), ", ".join(sorted(inner)[:5])
        raise CourseError(
            f"{holder.path} has the folders {above}, and all of these have the folders {below} in them, so it can't be told "
            f"which are the classes. If {above} are splits, call them train, val, test. If they are the classes, put their "
            f"pictures into them directly. If {below} are the classes, merge the folders of one name."
        )


def _place(top: Folder, splits: Sequence[Folder], file: Path) -> str:
    """Where a picture is that belongs to no class."""
    beside = _names(splits)
    for folder in top.folders:
        if splits and folder not in splits and file.is_relative_to(folder.path):
            return f"in {folder.path.name}/, which is no split with class folders as {beside}"
    return "in no class folder"


def _relative(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _names(found: Iterable[Folder]) -> str:
    return ", ".join(sorted(folder.path.name for folder in found))
