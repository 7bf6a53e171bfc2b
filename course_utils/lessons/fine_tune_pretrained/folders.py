"""Any pictures that the course reads, as the folders that torchvision reads."""

from __future__ import annotations

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from torchvision.transforms.v2.functional import to_pil_image

from course_utils import paths
from course_utils.data import BirdSplits, load_birds
from course_utils.errors import CourseError


def picture_folders(source: str | Path) -> Path:
    """A folder with ``train``, ``val`` and ``test``, each with a folder for every class, for torchvision's ``ImageFolder``.

    A bundled data set lies like this as it is. Any other is read and split as everywhere in the course; copies of its
    pictures, squares of 256 px, are kept in the cache.

    Args:
        source: Name of a bundled data set; a folder with a folder for each class; CUB-200-2011, as a folder or as its .tgz.

    Raises:
        CourseError: Nothing usable at that place, a class with too few pictures or none in a split; no room for the copies.
    """
    bundled = paths.data_dir() / str(source)
    if (bundled / "train").is_dir() and not Path(source).is_absolute():
        return bundled
    birds = load_birds(source)
    for images in birds:
        if missing := [name for name, number in images.counts().items() if not number]:
            raise CourseError(
                f"{missing[0]} has no picture in {images.split}. Add some there, or remove the folder {images.split} of all "
                "classes: then a part of train takes its place."
            )
    known = sha256("".join(images.fingerprint for images in birds).encode()).hexdigest()[:12]
    folder = paths.cache_dir("folders") / f"{birds.train.data}-{known}"
    if not folder.is_dir():
        try:
            _write(birds, folder)
        except OSError as error:
            raise CourseError(
                f"Copies of the pictures can't be written to {folder} ({error.strerror or error}). Make room there, or name "
                "another folder in COURSE_CACHE."
            ) from error
    return folder


def _write(birds: BirdSplits, folder: Path) -> None:
    """Whole or not at all: what is written under another name is moved into place."""
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for images in birds:
            for name in images.classes:
                (unfinished / images.split / name).mkdir(parents=True)
            for row, label in enumerate(images.labels.tolist()):
                file = unfinished / images.split / images.classes[label] / f"{row:05}.jpg"
                to_pil_image(images.pixels[row]).save(file, quality=95, subsampling=0)
        unfinished.replace(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
