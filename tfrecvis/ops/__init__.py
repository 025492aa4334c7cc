"""Stateless functions: the engine and its recurrences, boxes and what reads them."""

from tfrecvis.ops.anchors import (
    anchor_shapes,
    inside_image,
    level_anchors,
    pyramid_anchors,
)
from tfrecvis.ops.assignment import assign_lexicographic
from tfrecvis.ops.bipartite import match_pairs
from tfrecvis.ops.box_merging import merge_boxes
from tfrecvis.ops.boxes import (
    box_area,
    box_overlap,
    clip_boxes,
    convert_boxes,
    decode_boxes,
    encode_boxes,
    pairwise_iou,
)
from tfrecvis.ops.cell_boxes import boxes_of_cells, cell_centres
from tfrecvis.ops.decoding import (
    Sentences,
    beam_search,
    greedy_search,
    sample_sentences,
)
from tfrecvis.ops.filterbank import attention_filters, gaussian_filters
from tfrecvis.ops.graph_checks import (
    check_adjacency,
    check_graph,
    check_scales,
    check_tree,
)
from tfrecvis.ops.gru import GRUDirection, gru
from tfrecvis.ops.levels import Schedule, gather_nodes, schedule, visit
from tfrecvis.ops.lstm import LSTMDirection, lstm
from tfrecvis.ops.mask_crop import crop_masks
from tfrecvis.ops.mask_paste import paste_masks
from tfrecvis.ops.matching import drawn_places, match_boxes, sample_balanced
from tfrecvis.ops.pyramid import assign_levels
from tfrecvis.ops.roi_align import roi_align
from tfrecvis.ops.roi_pool import roi_pool
from tfrecvis.ops.scan import Track, lowering, scan, scan_together
from tfrecvis.ops.stencil import shift
from tfrecvis.ops.suppression import Kept, soft_suppress, suppress, take_kept
from tfrecvis.ops.unpooling import max_pool_with_argmax, max_unpool

__all__ = [
    "GRUDirection",
    "Kept",
    "LSTMDirection",
    "Schedule",
    "Sentences",
    "Track",
    "anchor_shapes",
    "assign_levels",
    "assign_lexicographic",
    "attention_filters",
    "beam_search",
    "box_area",
    "box_overlap",
    "boxes_of_cells",
    "cell_centres",
    "check_adjacency",
    "check_graph",
    "check_scales",
    "check_tree",
    "clip_boxes",
    "convert_boxes",
    "crop_masks",
    "decode_boxes",
    "drawn_places",
    "encode_boxes",
    "gather_nodes",
    "gaussian_filters",
    "greedy_search",
    "gru",
    "inside_image",
    "level_anchors",
    "lowering",
    "lstm",
    "match_boxes",
    "match_pairs",
    "max_pool_with_argmax",
    "max_unpool",
    "merge_boxes",
    "pairwise_iou",
    "paste_masks",
    "pyramid_anchors",
    "roi_align",
    "roi_pool",
    "sample_balanced",
    "sample_sentences",
    "scan",
    "scan_together",
    "schedule",
    "shift",
    "soft_suppress",
    "suppress",
    "take_kept",
    "visit",
]
