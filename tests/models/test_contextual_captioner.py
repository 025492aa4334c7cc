"""ContextualCaptioner: captions by heart, exports, errors."""

from captioners import Captioners

from tfrecvis.models import ContextualCaptioner


class TestContextualCaptioner(Captioners):
    builder = ContextualCaptioner
    arguments = {"topics": 16}
    epochs, rate = 150, 0.02
