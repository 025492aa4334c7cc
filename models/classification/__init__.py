"""Models that give every image a class, and what they answer."""

from tfrecvis.models.classification.image_classifier import ImageClassifier
from tfrecvis.models.classification.signatures import signatures

__all__ = ["ImageClassifier", "signatures"]
