"""Models built from the recurrent layers, by the functional API.

Each folder holds the models of one task and `signatures`, what they answer: the way
from raw outputs to an answer is written there once.
"""

from tfrecvis.models import (
    captioning,
    classification,
    clips,
    detection,
    segmentation,
    sequences,
    superpixels,
)
from tfrecvis.models.backbones import BACKBONES, backbone_of, build_backbone
from tfrecvis.models.captioning import (
    LRCN,
    ContextualCaptioner,
    DeepImageSent,
    ShowAndTell,
    ShowAttendTell,
)
from tfrecvis.models.classification import ImageClassifier
from tfrecvis.models.clips import ClipClassifier
from tfrecvis.models.detection import (
    RCNN,
    SSD,
    YOLO,
    FasterRCNN,
    FastRCNN,
    MaskRCNN,
    OverFeat,
    ReInspect,
    YOLOv2,
)
from tfrecvis.models.presets import load_card, load_preset, preset_names
from tfrecvis.models.segmentation import ReSeg
from tfrecvis.models.sequences import SequenceTagger
from tfrecvis.models.signature import Signature, Spec
from tfrecvis.models.superpixels import SuperpixelLabeller

__all__ = [
    "BACKBONES",
    "LRCN",
    "RCNN",
    "SSD",
    "YOLO",
    "ClipClassifier",
    "ContextualCaptioner",
    "DeepImageSent",
    "FastRCNN",
    "FasterRCNN",
    "ImageClassifier",
    "MaskRCNN",
    "OverFeat",
    "ReInspect",
    "ReSeg",
    "SequenceTagger",
    "ShowAndTell",
    "ShowAttendTell",
    "Signature",
    "Spec",
    "SuperpixelLabeller",
    "YOLOv2",
    "backbone_of",
    "build_backbone",
    "captioning",
    "classification",
    "clips",
    "detection",
    "load_card",
    "load_preset",
    "preset_names",
    "segmentation",
    "sequences",
    "superpixels",
]
