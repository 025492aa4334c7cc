"""Models that give every clip, a sequence of frames, a class, and what they answer."""

from tfrecvis.models.clips.answers import clip_probabilities, real_frames
from tfrecvis.models.clips.clip_classifier import ClipClassifier
from tfrecvis.models.clips.signatures import signatures

__all__ = ["ClipClassifier", "clip_probabilities", "real_frames", "signatures"]
