"""DeepImageSent: captions by heart, exports, errors."""

from captioners import Captioners

from tfrecvis.models import DeepImageSent


class TestDeepImageSent(Captioners):
    builder = DeepImageSent
