"""Models that say what an image shows, and what they answer."""

from tfrecvis.models.captioning.answers import export_examples, signatures, words_of
from tfrecvis.models.captioning.cider import CIDErD
from tfrecvis.models.captioning.contextual_captioner import ContextualCaptioner
from tfrecvis.models.captioning.deep_image_sent import DeepImageSent
from tfrecvis.models.captioning.lrcn import LRCN
from tfrecvis.models.captioning.self_critical import fit_self_critical
from tfrecvis.models.captioning.show_and_tell import ShowAndTell
from tfrecvis.models.captioning.show_attend_tell import ShowAttendTell

__all__ = [
    "LRCN",
    "CIDErD",
    "ContextualCaptioner",
    "DeepImageSent",
    "ShowAndTell",
    "ShowAttendTell",
    "export_examples",
    "fit_self_critical",
    "signatures",
    "words_of",
]
