"""ShowAttendTell with hard attention: captions by heart, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import ShowAttendTell

# Fast tests show the same on ShowAttendTell.
pytestmark = pytest.mark.slow


class TestHardShowAttendTell(Captioners):
    builder = ShowAttendTell
    arguments = {"attention_units": 16, "attention": "hard"}
    epochs = 120
    draws = True

    def test_unknown_attention_is_named(self):
        with pytest.raises(ValueError, match="`attention` must be one of"):
            self.build(attention="none")
