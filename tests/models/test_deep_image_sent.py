"""DeepImageSent: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import DeepImageSent

# Fast tests show the same on ShowAndTell.
pytestmark = pytest.mark.slow


class TestDeepImageSent(Captioners):
    builder = DeepImageSent
