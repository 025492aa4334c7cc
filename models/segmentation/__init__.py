"""Models that give every pixel a class, and what they answer."""

from tfrecvis.models.segmentation.reseg import ReSeg
from tfrecvis.models.segmentation.signatures import signatures

__all__ = ["ReSeg", "signatures"]
