"""Recurrent layers for images."""

from tfrecvis.layers.contextual_lstm import ContextualLSTM, ContextualLSTMCell
from tfrecvis.layers.draw_read import DrawRead
from tfrecvis.layers.draw_write import DrawWrite
from tfrecvis.layers.fusion_lstm import FusionLSTM
from tfrecvis.layers.grid_lstm import GridLSTM
from tfrecvis.layers.hard_attention import HardAttention
from tfrecvis.layers.local_global_lstm import LocalGlobalLSTM
from tfrecvis.layers.pixel_lstm import PixelLSTM
from tfrecvis.layers.renet import ReNet
from tfrecvis.layers.soft_attention import SoftAttention
from tfrecvis.layers.superpixel_lstm import SuperpixelLSTM

__all__ = [
    "ContextualLSTM",
    "ContextualLSTMCell",
    "DrawRead",
    "DrawWrite",
    "FusionLSTM",
    "GridLSTM",
    "HardAttention",
    "LocalGlobalLSTM",
    "PixelLSTM",
    "ReNet",
    "SoftAttention",
    "SuperpixelLSTM",
]
