"""Models that give every node of a graph a class, and what they answer."""

from tfrecvis.models.superpixels.signatures import signatures
from tfrecvis.models.superpixels.superpixel_labeller import SuperpixelLabeller

__all__ = ["SuperpixelLabeller", "signatures"]
