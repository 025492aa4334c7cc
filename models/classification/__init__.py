"""Models that give every image a class."""

from tfrecvis.models.classification.image_classifier import ImageClassifier

__all__ = ["ImageClassifier"]
