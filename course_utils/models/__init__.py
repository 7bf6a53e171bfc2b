"""Pre-defined models in their two flavours, and what to do with their parts."""

from course_utils.models.activation import ACTIVATIONS, replace_activation
from course_utils.models.build import build_definition, load_pretrained, model_names
from course_utils.models.channels import take_one_channel
from course_utils.models.freezing import count_parameters, freeze, parameter_groups, stage_names, unfreeze
from course_utils.models.head import head_name, head_of, replace_head
from course_utils.models.resnet import ResNetConfig
from course_utils.models.weights import preprocessing_for, weights_are_here

__all__ = [
    "ACTIVATIONS",
    "ResNetConfig",
    "build_definition",
    "count_parameters",
    "freeze",
    "head_name",
    "head_of",
    "load_pretrained",
    "model_names",
    "parameter_groups",
    "preprocessing_for",
    "replace_activation",
    "replace_head",
    "stage_names",
    "take_one_channel",
    "unfreeze",
    "weights_are_here",
]
