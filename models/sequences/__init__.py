"""Models that give every step of a sequence a token."""

from tfrecvis.models.sequences.sequence_tagger import SequenceTagger

__all__ = ["SequenceTagger"]
