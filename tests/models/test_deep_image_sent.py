"""DeepImageSent: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import DeepImageSent

# Fast tests show the same on ShowAttendTell.
pytestmark = pytest.mark.slow


class TestDeepImageSent(Captioners):
    builder = DeepImageSent
