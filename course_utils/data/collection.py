"""Find the pictures of a data set on disk and decode each of them once."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from course_utils import paths
from course_utils.arguments import is_whole
from course_utils.data import cub, folders
from course_utils.data.decode import is_picture, open_rgb, read_bytes, square
from course_utils.data.listing import Entry, LeftOut, Listing, report
from course_utils.errors import CourseError

PROGRESS_FROM = 5_000
SKIP_BAD = "skip_bad=True (--skip-bad on the command line)"


@dataclass(frozen=True, eq=False)
class Collection:
    """Every picture of a data set, decoded.

    Attributes:
        name: Name of the data set.
        classes: Class names.
        entries: One per picture: file, label, and the split its publisher gave it (or None).
        hashes: SHA-256 of each file.
        pixels: uint8 (N, 3, S, S), RGB.
        left_out: Every picture, link and class folder that is not used, with the reason.
    """

    name: str
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    hashes: tuple[str, ...]
    pixels: Tensor
    left_out: tuple[LeftOut, ...] = ()


def read_collection(name_or_path: str | Path, *, side: int = 256, skip_bad: bool = False) -> Collection:
    """Read a whole data set into memory.

    Args:
        name_or_path: ``"fieldguide"`` for the bundled birds; a folder in ImageFolder layout (one folder
            a class, with or without ``train``/``val``/``test`` above them); CUB-200-2011 in its official
            layout, as a folder or as its .tgz.
        side: In px, at which pictures are kept (short side resized, central square).
        skip_bad: Leave out and report pictures that are damaged or stand under several labels, instead of stopping.

    Raises:
        CourseError: No such place, nothing usable in it, a damaged picture, one picture under several labels, or a side
            that can't be.
    """
    if not is_whole(side) or side < 1:
        raise CourseError(f"side is {side!r}; expected a whole number of pixels, 1 or more.")
    listing = _find(name_or_path)
    pixels = _memory_for(len(listing.entries), side)
    with warnings.catch_warnings(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # a camera's picture, not yet a bomb
        files = [listing.root / entry.file for entry in listing.entries]
        decoded = pool.map(_decode_into, pixels, files)
        quiet = len(listing.entries) < PROGRESS_FROM
        results = list(tqdm(decoded, "Reading pictures", len(listing.entries), disable=quiet))
    bad = {i: result for i, result in enumerate(results) if isinstance(result, CourseError)}
    if bad and not skip_bad:
        first, *others = map(str, bad.values())
        more = f" ({len(others)} more like it.)" if others else ""
        raise CourseError(
            f"{first}{more} Replace or remove the file, or leave damaged pictures out with {SKIP_BAD}."
        )
    good = [(i, entry, results[i]) for i, entry in enumerate(listing.entries) if i not in bad]
    if not good:
        raise CourseError(f"None of the {len(bad)} pictures in {listing.root} can be read. First: {bad[0]}")
    kept, copies = _without_copies(listing, good, skip_bad)
    damaged = [
        LeftOut(
            listing.entries[i].file,
            "files that can't be read",
            str(error).removeprefix(f"{files[i]} ").rstrip("."),
        )
        for i, error in bad.items()
    ]
    left_out = (*listing.left_out, *damaged, *copies)
    if left_out:
        warnings.warn(report(listing.name, left_out), stacklevel=2)
    if not kept:
        raise CourseError(f"Nothing is left of {listing.root}: every picture of it was left out.")
    rows, entries, hashes = zip(*kept, strict=True)
    pixels = pixels if len(rows) == len(pixels) else pixels[list(rows)]
    return Collection(listing.name, listing.classes, entries, hashes, pixels, left_out)


def _memory_for(pictures: int, side: int) -> Tensor:
    needed = 2 * pictures * 3 * side**2  # once here, and once in the splits
    available = psutil.virtual_memory().available
    if needed > available:
        raise CourseError(
            f"{pictures:,} pictures of {side} px take {needed / 1e9:,.1f} GB of memory with their splits; "
            f"{available / 1e9:,.1f} GB are free. Give a smaller side (models of this course look at 518 px at most), "
            "close other programs and notebooks, or use fewer pictures."
        )
    return torch.empty((pictures, 3, side, side), dtype=torch.uint8)


def _find(name_or_path: str | Path) -> Listing:
    bundled = {p.name: p for p in sorted(paths.data_dir().iterdir()) if (p / "train").is_dir()}
    path = bundled.get(str(name_or_path)) or _existing(name_or_path, [*bundled])
    if path.resolve() in (own.resolve() for own in bundled.values()):
        # What it has beside its splits (masks, twins, plates) stands on its data sheet.
        return replace(folders.list_folder(path), left_out=())
    if not path.is_file():
        return cub.list_cub(path) if cub.is_cub(path) else folders.list_folder(path)
    if is_picture(path):
        raise CourseError(
            f"{path} is a single picture; expected a folder with one folder a class, or a CUB-200-2011 .tgz."
        )
    return cub.list_cub(cub.unpack(path))


def _existing(name_or_path: str | Path, bundled: Sequence[str]) -> Path:
    try:
        path = Path(name_or_path).expanduser()
        path.stat()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CourseError(
            f"There is no data set {_shortened(name_or_path)} ({reason}). Bundled: {', '.join(bundled)}. Otherwise "
            f"give the path of a folder or of a CUB-200-2011 .tgz; it is looked for from {Path.cwd()}."
        ) from error
    return path


def _shortened(name: object, most: int = 200) -> str:
    text = repr(str(name))
    return text if len(text) <= most else f"{text[:most]}..."


def _decode_into(target: Tensor, file: Path) -> str | CourseError:
    """Decode a picture into ``target``, uint8 (3, S, S): its hash, or what is wrong with it."""
    try:
        content, digest = read_bytes(file)
        target.copy_(square(open_rgb(content, file), target.shape[-1]))
        return digest
    except CourseError as error:
        return error


def _without_copies(
    listing: Listing, rows: Sequence[tuple[int, Entry, str]], skip_bad: bool
) -> tuple[list[tuple[int, Entry, str]], list[LeftOut]]:
    """Keep one picture of each content, preferring the copy in test, then in val; none that has several labels.

    A picture in two splits would let a model be examined on what it was taught.
    """
    rank = {"test": 0, "val": 1, "train": 2, None: 3}
    same = defaultdict(list)
    for _, entry, digest in sorted(rows, key=lambda row: rank[row[1].split]):
        same[digest].append(entry)
    unclear = [copies for copies in same.values() if len({entry.label for entry in copies}) > 1]
    if unclear and not skip_bad:
        shown = "; ".join(" and ".join(entry.file for entry in copies) for copies in unclear[:10])
        more = f"; and {len(unclear) - 10} more" if len(unclear) > 10 else ""
        raise CourseError(
            f"Pictures of {listing.name} stand under several labels ({len(unclear)}). These are the same: {shown}{more}. "
            f"Keep each in the right class only, or leave all of them out with {SKIP_BAD}."
        )
    left_out = {
        entry.file: LeftOut(entry.file, "pictures under several labels", f"also {_other(copies, entry).file}")
        for copies in unclear
        for entry in copies
    }
    for first, *others in same.values():
        for entry in others:
            left_out.setdefault(
                entry.file, LeftOut(entry.file, "copies of other pictures", f"of {first.file}")
            )
    return [row for row in rows if row[1].file not in left_out], list(left_out.values())


def _other(copies: Sequence[Entry], one: Entry) -> Entry:
    return next(entry for entry in copies if entry.label != one.label)
