"""Stateless functions: the engine, the recurrences on it, and their neighbours."""

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
from tfrecvis.ops.pyramid import assign_levels
from tfrecvis.ops.roi_align import roi_align
from tfrecvis.ops.scan import Track, lowering, scan, scan_together
from tfrecvis.ops.stencil import shift

__all__ = [
    "GRUDirection",
    "LSTMDirection",
    "Schedule",
    "Track",
    "assign_levels",
    "attention_filters",
    "check_adjacency",
    "check_graph",
    "check_scales",
    "check_tree",
    "gather_nodes",
    "gaussian_filters",
    "gru",
    "lowering",
    "lstm",
    "roi_align",
    "scan",
    "scan_together",
    "schedule",
    "shift",
    "visit",
]
