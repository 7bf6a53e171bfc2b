"""Finished runs, kept one file each under what was asked of them, so that measuring can be spread over many days."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from course_utils import runtime
from course_utils.data import ImageSet
from course_utils.errors import CourseError
from course_utils.files import check_folder, save_text
from course_utils.training.fit import Recipe
from course_utils.training.hardware import Hardware

RECIPE_REVISION = 1
"""Part of every key. Raise it by hand when the same request would train to other numbers; tests/test_golden.py notices that.
Runs of an older revision stay in their folder, and stand in no table any more."""

Asked = dict[str, Any]
"""All that decides a run, as JSON can hold it: data, flavour or variant by its settings, seed, profile."""
Record = TypeVar("Record")
NAMED = ("kind", "flavour", "images_per_class", "studies", "seed", "profile")
"""What a file's name says of what was asked, for people."""


def asked(kind: str, splits: Iterable[ImageSet], seed: int, **settings: object) -> Asked:
    """The key of a run: what was asked, and nothing of the machine that did it.

    Args:
        kind: ``"comparison"``, ``"study"`` or ``"scans"``.
        splits: All pictures; their labels, their splits and the side they are kept at count too.
        seed: Of the run.
        settings: What is asked beyond that, by name.
    """
    whole = {
        "kind": kind,
        "data": splits_fingerprint(splits),
        "seed": seed,
        "profile": runtime.profile(),
        "recipe_revision": RECIPE_REVISION,
        **settings,
    }
    return json.loads(json.dumps(whole))


def declared(record: Any, always: Sequence[str], *, apart: Sequence[str] = ()) -> Asked:
    """Fields of a dataclass for a key: those named, and of all others only what differs from its default.

    So a field that is added later, with a default that means what was done before, changes no key.

    Args:
        record: A dataclass.
        always: The fields that a key has had from the first run on.
        apart: The fields that decide nothing, or are told apart.
    """
    later = [f for f in fields(record) if f.name not in (*always, *apart)]
    chosen = [*always, *(f.name for f in later if getattr(record, f.name) != f.default)]
    return {name: getattr(record, name) for name in chosen}


def declared_recipe(recipe: Recipe) -> Asked:
    """A recipe's fields for a key."""
    first = (
        "epochs",
        "lr",
        "lr_backbone",
        "batch_size",
        "weight_decay",
        "warmup",
        "label_smoothing",
        "mixup",
    )
    return declared(recipe, first)


def splits_fingerprint(splits: Iterable[ImageSet]) -> str:
    """Hex digest of all pictures, their labels and how they are split."""
    return hashlib.sha256("\n".join(images.fingerprint for images in splits).encode()).hexdigest()


@dataclass(frozen=True)
class Provenance:
    """How a run came about; it decides nothing of what was asked.

    Attributes:
        device: Such as ``"cpu"``.
        precision: ``"fp32"`` or ``"bf16"``.
        versions: Of the libraries that numbers depend on.
        commit: State of the course's code, see :func:`~course_utils.runtime.commit`.
    """

    device: str
    precision: str
    versions: dict[str, str]
    commit: str

    @classmethod
    def here(cls) -> Provenance:
        """Of a run that is made now."""
        hardware = Hardware.find()
        return cls(hardware.device.type, hardware.precision, runtime.versions(), runtime.commit())

    def computes_like(self, other: Provenance) -> bool:
        """Whether both ran on the same kind of device in the same precision."""
        return (self.device, self.precision) == (other.device, other.precision)


def provenance_table(provenances: Iterable[Provenance]) -> list[dict[str, Any]]:
    """Where runs come from: an entry for each device, precision and set of versions, with its runs and their commits."""
    return merged({**asdict(one), "commit": [one.commit], "runs": 1} for one in provenances)


def merged(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries of several :func:`provenance_table` as one."""
    groups: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = groups.setdefault(_digest([entry[name] for name in ("device", "precision", "versions")]), {})
        commits = sorted({*known.get("commit", []), *entry["commit"]})
        known |= {**entry, "commit": commits, "runs": known.get("runs", 0) + entry["runs"]}
    return sorted(groups.values(), key=lambda entry: (entry["device"], entry["precision"], -entry["runs"]))


@dataclass(frozen=True)
class Kept(Generic[Record]):
    """A finished run and where it comes from."""

    result: Record
    provenance: Provenance


class RunStore(Generic[Record]):
    """A folder with one JSON file for each finished run, named after what was asked.

    A file that is marked, by an entry ``"superseded": "why"`` beside its result, stays and counts as none.
    """

    def __init__(self, folder: Path, record: type[Record], *, any_machine: bool = False) -> None:
        """Open a folder of runs; it need not exist yet.

        Args:
            folder: Where the files are.
            record: The dataclass that says what a run came to; all its fields can be written as JSON.
            any_machine: Whether runs of another device or precision count as done, as they do for what the course
                publishes. A learner who asks for another precision wants to see it trained.

        Raises:
            CourseError: No files can be written there.
        """
        check_folder(folder)
        self.folder, self.record, self.any_machine = folder, record, any_machine

    def get(self, key: Asked) -> Kept[Record] | None:
        """The run that was asked for like this, or None. A torn, foreign or superseded file counts as none."""
        here = None if self.any_machine else Provenance.here()
        for file in sorted(self.folder.glob(f"{self._name(key)}-*.json")):
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
                kept = Kept(self.record(**found["result"]), Provenance(**found["provenance"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue
            from_here = here is None or here.computes_like(kept.provenance)
            if found.get("asked") == key and from_here and "superseded" not in found:
                return kept
        return None

    def put(self, key: Asked, result: Record) -> Kept[Record]:
        """Keep a finished run beside what is there. Its file is whole or absent; on a full disk it is kept elsewhere, with
        a warning."""
        kept = Kept(result, Provenance.here())
        machine = _digest([kept.provenance.device, kept.provenance.precision, kept.provenance.versions])[:4]
        names = (
            f"{self._name(key)}-{machine}{again}.json" for again in ("", *map("-{}".format, range(2, 100)))
        )
        file = next(file for file in map(self.folder.joinpath, names) if not _is_whole(file))
        save_text(file, json.dumps({"asked": key, **asdict(kept)}) + "\n")
        return kept

    def get_or(self, key: Asked, run: Callable[[], Record] | None) -> Kept[Record] | None:
        """The run that was asked for; where it is not kept yet, what ``run`` comes to, kept from now on.

        Args:
            key: What is asked.
            run: Makes the run; None makes none, and returns None where none is kept.
        """
        found = self.get(key)
        return self.put(key, run()) if found is None and run is not None else found

    def _name(self, key: Asked) -> str:
        named = [str(key[part]) for part in NAMED if part in key]
        return f"{'-'.join(named)}-{_digest(key)[:12]}"


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_whole(file: Path) -> bool:
    try:
        return "result" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def in_words(precisions: Iterable[str]) -> str:
    """What runs were computed in, such as ``"bf16"`` or ``"bf16 and fp32"``; empty where nobody noted it."""
    return " and ".join(sorted(set(precisions) - {""}))


def read_study_of(record: type[Record], name: str, file: Path) -> list[Record]:
    """The runs of one study that :func:`save_studies` wrote.

    Args:
        record: Their dataclass.
        name: Of the study.
        file: Where it is.

    Raises:
        CourseError: No such file, or no such study in it.
    """
    try:
        studies = json.loads(file.read_text(encoding="utf-8"))["studies"]
        return [record(**run) for run in studies[name]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(
            f"{file} holds no study {name!r} ({type(error).__name__}: {error}). `make results` writes one."
        ) from error
