"""LRCN: captions by heart, exports, errors."""

from captioners import Captioners

from tfrecvis.models import LRCN


class TestLRCN(Captioners):
    builder = LRCN
    epochs = 120
