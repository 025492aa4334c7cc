"""Models built from the recurrent layers, by the functional API."""

from tfrecvis.models.backbones import BACKBONES, build_backbone
from tfrecvis.models.classification import ImageClassifier
from tfrecvis.models.graphs import SuperpixelLabeller
from tfrecvis.models.presets import PRESETS, load_preset
from tfrecvis.models.segmentation import ReSeg
from tfrecvis.models.sequences import SequenceTagger

__all__ = [
    "BACKBONES",
    "PRESETS",
    "ImageClassifier",
    "ReSeg",
    "SequenceTagger",
    "SuperpixelLabeller",
    "build_backbone",
    "load_preset",
]
