"""Recurrent layers for images."""

from tfrecvis.layers.contextual_lstm import ContextualLSTM, ContextualLSTMCell
from tfrecvis.layers.renet import ReNet

__all__ = ["ContextualLSTM", "ContextualLSTMCell", "ReNet"]
