"""Models that say what an image shows, and what they answer."""

from tfrecvis.models.captioning.answers import export_examples, signatures, words_of
from tfrecvis.models.captioning.show_and_tell import ShowAndTell

__all__ = ["ShowAndTell", "export_examples", "signatures", "words_of"]
