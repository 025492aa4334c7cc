import keras
import numpy as np
import pytest
from trained_detectors import TrainedDetector

from tfrecvis.models import ReInspect
from tfrecvis.models.detection import reinspect_trainer


class TestReInspect(TrainedDetector):
    builder = ReInspect
    trainer = "reinspect_trainer"
    terms = ("classes", "boxes")
    seen = "head_relu"
    small = {
        "backbone_filters": (6, 8, 8),
        "backbone_blocks": (0, 0, 0),
        "units": 4,
        "head_filters": 8,
        "lstm_units": 6,
        "box_size": 14.0,
        "max_detections": 5,
    }
    bad = [
        ({"context": "lstm"}, "`context` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"steps": 0}, "`steps` must be an integer of at least 1"),
        ({"steps": 7}, "`steps` must be at most 6"),
        ({"lstm_units": 0}, "`lstm_units` must be an integer of at least 1"),
        ({"box_size": 0}, "`box_size` must be a finite number above 0"),
        ({"score_threshold": 30}, "Is it in percent"),
    ]

    def test_untrained_boxes_lie_in_their_cells(self):
        model = self.build(box_size=4.0)
        boxes = keras.Model(model.inputs, model.get_layer("boxes").output)
        found, _ = boxes(np.zeros((1, 16, 24, 3)))
        cells = [(8 * i + 2, 8 * j + 2) for j in range(2) for i in range(3)]
        expected = [(x, y, x + 4, y + 4) for x, y in cells for _ in range(5)]
        np.testing.assert_allclose(found[0], expected, atol=0.2)

    @pytest.mark.slow
    def test_squares_of_two_sizes_are_learnt(self):
        model = self.build(
            backbone_filters=(16, 24, 32), head_filters=32, lstm_units=32
        )
        trainer = reinspect_trainer(model)
        trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
        trainer.fit(self.batch(64), batch_size=8, epochs=40, verbose=0)
        assert self.hits(model) > 0.9
