"""Models that give every step of a sequence a token, and what they answer."""

from tfrecvis.models.sequences.sequence_tagger import SequenceTagger
from tfrecvis.models.sequences.signatures import signatures

__all__ = ["SequenceTagger", "signatures"]
