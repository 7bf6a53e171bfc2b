"""Find the pictures of a data set on disk and decode each of them once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_utils import paths
from course_utils.data import cub, folders
from course_utils.data.decode import IMAGE_SUFFIXES, open_rgb, read_bytes, square
from course_utils.data.listing import Entry, Listing
from course_utils.errors import CourseError

PROGRESS_FROM = 5_000


@dataclass(frozen=True, eq=False)
class Collection:
    """Every picture of a data set, decoded.

    Attributes:
        name: Name of the data set.
        classes: Class names.
        entries: One per picture: file, label, and the split its publisher gave it (or None).
        hashes: SHA-256 of each file.
        pixels: uint8 (N, 3, S, S), RGB.
        left_out: A line for each picture that was left out, with the reason.
    """

    name: str
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    hashes: tuple[str, ...]
    pixels: Tensor
    left_out: tuple[str, ...] = ()


def read_collection(name_or_path: str | Path, *, side: int = 256, skip_bad: bool = False) -> Collection:
    """Read a whole data set into memory.

    Args:
        name_or_path: ``"fieldguide"`` for the bundled birds; a folder in ImageFolder layout (one folder
            a class, with or without ``train``/``val``/``test`` above them); CUB-200-2011 in its official
            layout, as a folder or as its .tgz.
        side: In px, at which pictures are kept (short side resized, central square).
        skip_bad: Leave damaged pictures out and report them, instead of stopping at the first.

    Raises:
        CourseError: No such place, nothing usable in it, a damaged picture, or a side that can't be.
    """
    if isinstance(side, bool) or not isinstance(side, int) or side < 1:
        raise CourseError(f"side is {side!r}; expected a whole number of pixels, 1 or more.")
    listing = _find(name_or_path)
    pixels = _memory_for(len(listing.entries), side)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        files = [listing.root / entry.file for entry in listing.entries]
        decoded = pool.map(_decode_into, pixels, files)
        quiet = len(listing.entries) < PROGRESS_FROM
        results = list(tqdm(decoded, "Reading pictures", len(listing.entries), disable=quiet))
    bad = [str(result) for result in results if isinstance(result, CourseError)]
    if bad and not skip_bad:
        more = f" ({len(bad) - 1} more like it.)" if len(bad) > 1 else ""
        raise CourseError(
            f"{bad[0]}{more} Replace or remove the file, or leave damaged pictures out with "
            "skip_bad=True (--skip-bad on the command line)."
        )
    good = [i for i, result in enumerate(results) if not isinstance(result, CourseError)]
    if not good:
        raise CourseError(f"None of the {len(bad)} pictures in {listing.root} can be read. First: {bad[0]}")
    kept, doubles = _without_doubles([(i, listing.entries[i], results[i]) for i in good])
    left_out = (*listing.left_out, *bad, *doubles)
    if left_out:
        warnings.warn(_report(listing.name, left_out), stacklevel=2)
    rows, entries, hashes = zip(*kept, strict=True)
    pixels = pixels if len(rows) == len(pixels) else pixels[list(rows)]
    return Collection(listing.name, listing.classes, entries, hashes, pixels, left_out)


def _memory_for(pictures: int, side: int) -> Tensor:
    try:
        return torch.empty((pictures, 3, side, side), dtype=torch.uint8)
    except RuntimeError as error:
        raise CourseError(
            f"{pictures:,} pictures of {side} px take {pictures * 3 * side**2 / 1e9:,.1f} GB of memory, more than there "
            "is. Give a smaller side; models of this course look at 518 px at most."
        ) from error


def _find(name_or_path: str | Path) -> Listing:
    bundled = sorted(p.name for p in paths.data_dir().iterdir() if (p / "train").is_dir())
    if str(name_or_path) in bundled:
        return folders.list_folder(paths.data_dir() / str(name_or_path))
    path = _existing(name_or_path, bundled)
    if not path.is_file():
        return cub.list_cub(path) if cub.is_cub(path) else folders.list_folder(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
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


def _without_doubles(
    rows: Sequence[tuple[int, Entry, str]],
) -> tuple[list[tuple[int, Entry, str]], list[str]]:
    """Keep one picture of each content, preferring the copy in test, then in val.

    A picture in two splits would let a model be examined on what it was taught.
    """
    rank = {"test": 0, "val": 1, "train": 2, None: 3}
    kept: dict[str, Entry] = {}
    dropped = {}
    for _, entry, digest in sorted(rows, key=lambda row: rank[row[1].split]):
        first = kept.setdefault(digest, entry)
        if first.label != entry.label:
            raise CourseError(
                f"{first.file} and {entry.file} are the same picture under two labels. "
                "Keep it in the right class only."
            )
        if first is not entry:
            dropped[entry.file] = f"{entry.file} is the same picture as {first.file}."
    return [row for row in rows if row[1].file not in dropped], list(dropped.values())


def _report(name: str, left_out: Sequence[str]) -> str:
    shown = "\n".join(f"  - {line}" for line in left_out[:10])
    more = f"\n  ... and {len(left_out) - 10} more" if len(left_out) > 10 else ""
    return f"{len(left_out)} pictures of {name} were left out:\n{shown}{more}"
