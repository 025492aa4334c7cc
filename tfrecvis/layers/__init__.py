"""Recurrent layers for images, and operators of detectors."""

from tfrecvis.layers.anchors import Anchors
from tfrecvis.layers.box_merging import BoxMerging
from tfrecvis.layers.cell_boxes import CellBoxes
from tfrecvis.layers.contextual_decoder import ContextualDecoder
from tfrecvis.layers.contextual_lstm import ContextualLSTM, ContextualLSTMCell
from tfrecvis.layers.crop_to_match import CropToMatch
from tfrecvis.layers.deep_image_sent_decoder import DeepImageSentDecoder
from tfrecvis.layers.diagonal_bilstm import DiagonalBiLSTM
from tfrecvis.layers.draw_read import DrawRead
from tfrecvis.layers.draw_write import DrawWrite
from tfrecvis.layers.fusion_lstm import FusionLSTM
from tfrecvis.layers.graph_lstm import GraphLSTM
from tfrecvis.layers.grid_boxes import GridBoxes
from tfrecvis.layers.grid_lstm import GridLSTM
from tfrecvis.layers.group_nodes import GroupNodes
from tfrecvis.layers.hard_attention import HardAttention
from tfrecvis.layers.hard_show_attend_tell_decoder import HardShowAttendTellDecoder
from tfrecvis.layers.local_global_lstm import LocalGlobalLSTM
from tfrecvis.layers.lrcn_decoder import LRCNDecoder
from tfrecvis.layers.masked_conv_2d import MaskedConv2D
from tfrecvis.layers.max_unpool_2d import MaxPoolWithArgmax, MaxUnpool2D
from tfrecvis.layers.md_lstm import MDLSTM
from tfrecvis.layers.non_max_suppression import NonMaxSuppression
from tfrecvis.layers.pad_to_multiple import PadToMultiple
from tfrecvis.layers.pixel_lstm import PixelLSTM
from tfrecvis.layers.region_boxes import RegionBoxes
from tfrecvis.layers.region_proposals import RegionProposals
from tfrecvis.layers.region_samples import RegionSamples
from tfrecvis.layers.renet import ReNet
from tfrecvis.layers.resize_images import ResizeImages
from tfrecvis.layers.roi_align import RoIAlign
from tfrecvis.layers.roi_pool import RoIPool
from tfrecvis.layers.rollout_lstm import RolloutLSTM
from tfrecvis.layers.row_lstm import RowLSTM
from tfrecvis.layers.scale_images import ScaleImages
from tfrecvis.layers.sequence_boxes import SequenceBoxes
from tfrecvis.layers.show_and_tell_decoder import ShowAndTellDecoder
from tfrecvis.layers.show_attend_tell_decoder import ShowAttendTellDecoder
from tfrecvis.layers.sliding_windows import SlidingWindows
from tfrecvis.layers.soft_attention import SoftAttention
from tfrecvis.layers.superpixel_lstm import SuperpixelLSTM
from tfrecvis.layers.superpixel_pooling import SuperpixelPooling, SuperpixelUnpooling
from tfrecvis.layers.tree_lstm import TreeLSTM
from tfrecvis.layers.upsample import Upsample
from tfrecvis.layers.window_boxes import WindowBoxes
from tfrecvis.layers.word_embedding import WordEmbedding

__all__ = [
    "MDLSTM",
    "Anchors",
    "BoxMerging",
    "CellBoxes",
    "ContextualDecoder",
    "ContextualLSTM",
    "ContextualLSTMCell",
    "CropToMatch",
    "DeepImageSentDecoder",
    "DiagonalBiLSTM",
    "DrawRead",
    "DrawWrite",
    "FusionLSTM",
    "GraphLSTM",
    "GridBoxes",
    "GridLSTM",
    "GroupNodes",
    "HardAttention",
    "HardShowAttendTellDecoder",
    "LRCNDecoder",
    "LocalGlobalLSTM",
    "MaskedConv2D",
    "MaxPoolWithArgmax",
    "MaxUnpool2D",
    "NonMaxSuppression",
    "PadToMultiple",
    "PixelLSTM",
    "ReNet",
    "RegionBoxes",
    "RegionProposals",
    "RegionSamples",
    "ResizeImages",
    "RoIAlign",
    "RoIPool",
    "RolloutLSTM",
    "RowLSTM",
    "ScaleImages",
    "SequenceBoxes",
    "ShowAndTellDecoder",
    "ShowAttendTellDecoder",
    "SlidingWindows",
    "SoftAttention",
    "SuperpixelLSTM",
    "SuperpixelPooling",
    "SuperpixelUnpooling",
    "TreeLSTM",
    "Upsample",
    "WindowBoxes",
    "WordEmbedding",
]
