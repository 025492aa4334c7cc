"""Recurrent layers for images."""

from tfrecvis.layers.renet import ReNet

__all__ = ["ReNet"]
