"""Models that give every pixel a class."""

from tfrecvis.models.segmentation.reseg import ReSeg

__all__ = ["ReSeg"]
