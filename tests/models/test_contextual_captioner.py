"""ContextualCaptioner: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import ContextualCaptioner

# Fast tests show the same on ShowAttendTell.
pytestmark = pytest.mark.slow


class TestContextualCaptioner(Captioners):
    builder = ContextualCaptioner
    arguments = {"topics": 32}
    epochs, rate = 300, 0.02
