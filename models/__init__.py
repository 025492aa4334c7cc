"""Models built from the recurrent layers, by the functional API."""

from tfrecvis.models.backbones import BACKBONES, build_backbone
from tfrecvis.models.segmentation import ReSeg

__all__ = ["BACKBONES", "ReSeg", "build_backbone"]
