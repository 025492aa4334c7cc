"""Models that give every node of a graph a class."""

from tfrecvis.models.graphs.superpixel_labeller import SuperpixelLabeller

__all__ = ["SuperpixelLabeller"]
