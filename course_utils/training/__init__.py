"""Training, measuring and comparing."""

from course_utils.metrics.classification import Metrics
from course_utils.training.checkpoint import load_checkpoint, save_checkpoint
from course_utils.training.features import Features, extract_features
from course_utils.training.fit import Recipe, fit, make_loader
from course_utils.training.history import History
from course_utils.training.loop import evaluate, predict, train_one_epoch
from course_utils.training.probe import LinearProbe, linear_probe

__all__ = [
    "Features",
    "History",
    "LinearProbe",
    "Metrics",
    "Recipe",
    "evaluate",
    "extract_features",
    "fit",
    "linear_probe",
    "load_checkpoint",
    "make_loader",
    "predict",
    "save_checkpoint",
    "train_one_epoch",
]
