"""Finished runs, kept one file each, so that hours of measuring can be spread over several calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from course_utils import runtime
from course_utils.data import BirdSplits, ImageSet
from course_utils.errors import CourseError
from course_utils.experiments.flavours import Flavour
from course_utils.files import check_folder, save_text
from course_utils.training.hardware import resolve_precision

Configuration = dict[str, str | int]
Record = TypeVar("Record")
NAMED = ("flavour", "study", "images_per_class", "studies", "seed", "profile")
"""What a file's name says of its configuration, for people."""


def configuration(flavour: Flavour, birds: BirdSplits, model: str, seed: int) -> Configuration:
    """All that decides a run: two runs of one configuration are the same run.

    The fingerprint follows the pictures, their labels, the splits and the size they are kept at; the
    settings follow the recipe. The code of the training loop is not in it: after a change there, start with
    an empty folder.
    """
    return {
        "data": splits_fingerprint(birds),
        "flavour": flavour.name,
        "model": flavour.model_name(model),
        "image_size": flavour.image_size(model),
        "images_per_class": birds.images_per_class,
        "seed": seed,
        "profile": runtime.profile(),
        **ran_on(),
        "settings": flavour.settings(),
    }


def ran_on() -> Configuration:
    """What of this machine decides how a run comes out."""
    device = runtime.best_device()
    versions = " ".join(f"{name} {version}" for name, version in sorted(runtime.versions().items()))
    return {
        "device": device.type,
        "precision": resolve_precision(device=device),
        "versions": versions,
    }


def splits_fingerprint(splits: Iterable[ImageSet]) -> str:
    """Hex digest of all pictures, their labels and how they are split."""
    return hashlib.sha256("\n".join(images.fingerprint for images in splits).encode()).hexdigest()


class RunStore(Generic[Record]):
    """A folder with one JSON file for each finished run, named after its configuration."""

    def __init__(self, folder: Path, record: type[Record]) -> None:
        """Open a folder of runs; it need not exist yet.

        Args:
            folder: Where the files are.
            record: The dataclass that says what a run came to; all its fields can be written as JSON.

        Raises:
            CourseError: No files can be written there.
        """
        check_folder(folder)
        self.folder, self.record = folder, record

    def get(self, key: Configuration) -> Record | None:
        """The run of this configuration, or None. A torn or foreign file counts as none."""
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
            return self.record(**found["result"]) if found["configuration"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: Configuration, result: Record) -> None:
        """Keep a finished run; its file is whole or absent. On a full disk it is kept elsewhere, with a warning."""
        fields: dict[str, Any] = asdict(result)  # type: ignore[call-overload]
        record = {"configuration": key, "commit": runtime.commit(), "result": fields}
        save_text(self._file(key), json.dumps(record) + "\n")

    def get_or(self, key: Configuration, run: Callable[[], Record] | None) -> Record | None:
        """The run of this configuration; where it is not kept yet, what ``run`` comes to, kept from now on.

        Args:
            key: The configuration.
            run: Makes the run; None makes none, and returns None where none is kept.
        """
        found = self.get(key)
        if found is None and run is not None:
            found = run()
            self.put(key, found)
        return found

    def _file(self, key: Configuration) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
        named = [str(key[part]) for part in NAMED if part in key]
        return self.folder / f"{'-'.join(named)}-{digest}.json"


def save_studies(studies: Mapping[str, Sequence[Any]], file: Path, **about: str | int) -> None:
    """Write the runs of studies as JSON by name, with what they ran on.

    Args:
        studies: Dataclasses whose fields can be written as JSON.
        file: Where to.
        about: What else is said of all of them.
    """
    ran = {"versions": runtime.versions(), "device": str(runtime.best_device()), "commit": runtime.commit()}
    runs = {name: [asdict(run) for run in done] for name, done in studies.items()}
    save_text(file, json.dumps({**about, **ran, "studies": runs}) + "\n")


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
