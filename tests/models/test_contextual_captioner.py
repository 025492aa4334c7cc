"""ContextualCaptioner: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import ContextualCaptioner

# Fast tests show the same on ShowAndTell and ShowAttendTell.
pytestmark = pytest.mark.slow


class TestContextualCaptioner(Captioners):
    builder = ContextualCaptioner
    arguments = {"topics": 16}
    epochs, rate = 150, 0.02
