"""Draw the bundled data set: what ``draw_birds.py render`` does.

The unit of work is a shard: one species in one split, or the twins of one pair. When a shard's pictures are
on disk, its lines enter the table; so the tables always say what is complete, and a call that was
interrupted can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from birds.layout import (
    COUNTS,
    SPLITS,
    TWINS,
    jobs,
    mask_path,
    overlay_path,
    pair_folder,
    picture_seed,
)
from birds.pairs import PAIRS
from birds.rendering import render
from birds.species import SPECIES
from birds.tables import ANNOTATION_COLUMNS, TWIN_COLUMNS, annotation_row
from birds.twins import draw_twins
from course_utils.errors import CourseError
from drawn_set.command import in_processes
from drawn_set.pictures import save_mask, save_picture
from drawn_set.tables import Row, read_table, write_table

TABLES = {"annotations.csv": ANNOTATION_COLUMNS, "twins.csv": TWIN_COLUMNS}


@dataclass(frozen=True)
class Shard:
    """What is drawn in one go.

    Attributes:
        part: ``"train"``, ``"val"``, ``"test"`` or ``"twins"``.
        place: Place of the species in ``SPECIES``, or of the pair in ``PAIRS``.
        number: Pictures, or twins.
    """

    part: str
    place: int
    number: int

    @property
    def table(self) -> str:
        """File with the lines of this shard."""
        return "twins.csv" if self.part == TWINS else "annotations.csv"

    @property
    def folder(self) -> str:
        """Folder of this shard's pictures, below the data set's folder."""
        return pair_folder(self.place) if self.part == TWINS else f"{self.part}/{SPECIES[self.place].folder}"

    def owns(self, row: Row) -> bool:
        """Whether a line of the table is one of this shard's."""
        first = picture_seed(self.part, self.place, 0)
        return first <= int(row["seed"]) < first + 10_000


def shards(counts: Mapping[str, int] = COUNTS) -> Iterator[Shard]:
    """All shards of the data set, in the order in which they are drawn.

    Args:
        counts: Pictures of each species in each split, and twins of each pair; what is missing is not drawn.
    """
    for part in (*SPLITS, TWINS):
        if number := counts.get(part, 0):
            for place in range(len(PAIRS if part == TWINS else SPECIES)):
                yield Shard(part, place, number)


def render_dataset(
    out: Path,
    *,
    counts: Mapping[str, int] = COUNTS,
    size: int = 256,
    processes: int = 1,
    resume: bool = False,
    on_shard: Callable[[Shard], None] = lambda shard: None,
) -> None:
    """Draw pictures, masks, twins and tables. Drawing again gives the same files, byte for byte.

    Across platforms, and with other versions of the drawing library or the WebP encoder, pixels may differ
    slightly.

    Args:
        out: Folder of the data set; created when missing. What ``counts`` leaves out stays as it is.
        counts: Pictures of each species in each split, and twins of each pair.
        size: Side of the pictures in px.
        processes: Processes that draw at the same time.
        resume: Keep the shards that are complete, whatever they look like.
        on_shard: Called after each shard.

    Raises:
        CourseError: The folder holds classes that are none of the field guide's.
    """
    _check_no_strangers(out, counts)
    rows = {name: read_table(out / name, columns) for name, columns in TABLES.items()}
    todo = [s for s in shards(counts) if not (resume and is_complete(s, out, rows[s.table]))]
    draw = partial(draw_shard, out=out, size=size)
    for shard, drawn in zip(todo, in_processes(draw, todo, processes), strict=True):
        _remove_leftovers(shard, out, drawn)
        kept = [row for row in rows[shard.table] if not shard.owns(row)]
        rows[shard.table] = kept + drawn
        write_table(out / shard.table, TABLES[shard.table], rows[shard.table])
        on_shard(shard)


def is_complete(shard: Shard, out: Path, rows: Sequence[Row]) -> bool:
    """Whether the table has all lines of a shard, and the disk all files that they name."""
    mine = [row for row in rows if shard.owns(row)]
    return len(mine) == shard.number and all((out / file).is_file() for file in files_of(mine))


def files_of(rows: Iterable[Row]) -> Iterator[str]:
    """All files that belong to lines of a table, below the data set's folder."""
    for row in rows:
        yield row["path"]
        yield mask_path(row["path"])
        if "mark_path" in row:
            yield overlay_path(row["path"])


def draw_shard(shard: Shard, out: Path, size: int) -> list[Row]:
    """Draw the pictures and masks of one shard; return its lines in the table."""
    if shard.part == TWINS:
        return draw_twins(shard.place, shard.number, out, size)
    rows = []
    for job in jobs(shard.part, shard.place, shard.number):
        drawn = render(SPECIES[job.species], job.seed, size=size)
        save_picture(out / job.path, drawn.picture, drawn.quality)
        save_mask(out / mask_path(job.path), drawn.mask)
        rows.append(annotation_row(job.path, drawn.annotations))
    return rows


def _check_no_strangers(out: Path, counts: Mapping[str, int]) -> None:
    known = {part: {Path(s.folder).name for s in shards({part: 1})} for part in counts}
    found = [p for part in counts if (out / part).is_dir() for p in (out / part).iterdir() if p.is_dir()]
    if strangers := sorted(str(p) for p in found if p.name not in known[p.parent.name]):
        raise CourseError(
            f"{strangers[0]} is none of the field guide's species ({len(strangers)} such in {out}). "
            "Remove what an earlier field guide left there, or give another --out."
        )


def _remove_leftovers(shard: Shard, out: Path, rows: Sequence[Row]) -> None:
    """Remove this shard's pictures and masks of an earlier, larger drawing."""
    wanted = {out / file for file in files_of(rows)}
    for folder, ending in ((out / shard.folder, "*.webp"), (out / "masks" / shard.folder, "*.png")):
        for file in folder.glob(ending):
            if file not in wanted:
                file.unlink()
