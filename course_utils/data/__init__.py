"""Where pictures come from and how they are split and transformed."""

from course_utils.data.annotations import Pair, Twin, load_annotations, load_mask, load_pairs, load_twins
from course_utils.data.birds import load_birds
from course_utils.data.images import ImageSet
from course_utils.data.scans import ScanSplits, load_scan_mask, load_scans
from course_utils.data.splits import BirdSplits
from course_utils.data.transforms import Preprocessing, eval_transform, train_transform

__all__ = [
    "BirdSplits",
    "ImageSet",
    "Pair",
    "Preprocessing",
    "ScanSplits",
    "Twin",
    "eval_transform",
    "load_annotations",
    "load_birds",
    "load_mask",
    "load_pairs",
    "load_scan_mask",
    "load_scans",
    "load_twins",
    "train_transform",
]
