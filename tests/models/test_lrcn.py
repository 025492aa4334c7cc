"""LRCN: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import LRCN

# Fast tests show the same on ShowAttendTell.
pytestmark = pytest.mark.slow


class TestLRCN(Captioners):
    builder = LRCN
    epochs = 120
