"""Models that find objects, and what they answer."""

from tfrecvis.models.detection.answers import signatures
from tfrecvis.models.detection.yolo_v2 import YOLOv2

__all__ = ["YOLOv2", "signatures"]
