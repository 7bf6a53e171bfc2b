"""Finished runs, kept one file each, so that hours of measuring can be spread over several calls."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from course_utils import runtime
from course_utils.data import BirdSplits
from course_utils.files import replacing
from course_utils.training.flavours import SCRATCH_BEST_BACKBONE, image_size, settings
from course_utils.training.results import RunResult

Configuration = dict[str, str | int]


def configuration(flavour: str, birds: BirdSplits, backbone: str, seed: int) -> Configuration:
    """All that decides a run: two runs of one configuration are the same run.

    The fingerprint follows the pictures, their labels, the splits and the size they are kept at; the
    settings follow the recipe. The code of the training loop is not in it: after a change there, start with
    an empty folder.
    """
    fingerprints = "\n".join(images.fingerprint for images in birds)
    name = SCRATCH_BEST_BACKBONE if flavour == "scratch_best" else backbone
    return {
        "data": hashlib.sha256(fingerprints.encode()).hexdigest(),
        "flavour": flavour,
        "backbone": name,
        "image_size": image_size(flavour, name),
        "images_per_class": round(len(birds.train) / len(birds.classes)),
        "seed": seed,
        "profile": runtime.profile(),
        "device": runtime.best_device().type,
        "settings": settings(flavour),
    }


class RunStore:
    """A folder with one JSON file for each finished run, named after its configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: Configuration) -> RunResult | None:
        """The run of this configuration, or None. A torn or foreign file counts as none."""
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
            return RunResult(**found["result"]) if found["configuration"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: Configuration, result: RunResult) -> None:
        """Keep a finished run; its file is whole or absent."""
        with replacing(self._file(key)) as temporary:
            text = json.dumps({"configuration": key, "result": asdict(result)})
            temporary.write_text(text + "\n", encoding="utf-8")

    def _file(self, key: Configuration) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
        name = f"{key['flavour']}-{key['images_per_class']}-{key['seed']}-{key['profile']}-{digest}.json"
        return self.folder / name
