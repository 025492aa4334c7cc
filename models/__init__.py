"""Models built from the recurrent layers, by the functional API."""

from tfrecvis.models.backbones import BACKBONES, build_backbone
from tfrecvis.models.presets import PRESETS, load_preset
from tfrecvis.models.segmentation import ReSeg

__all__ = ["BACKBONES", "PRESETS", "ReSeg", "build_backbone", "load_preset"]
