import keras
import numpy as np
import pytest
from trained_detectors import TrainedDetector

from tfrecvis.models import OverFeat
from tfrecvis.models.detection import overfeat_trainer


@pytest.mark.slow  # ReInspect, with a trainer of the same kind, is fast
class TestOverFeat(TrainedDetector):
    builder = OverFeat
    trainer = "overfeat_trainer"
    terms = ("classes", "boxes")
    seen = "logits"
    small = {
        "scales": [1.0, 1.6],
        "backbone_filters": (6, 8),
        "backbone_blocks": (0, 0),
        "units": 4,
        "head_filters": 8,
        "max_detections": 5,
    }
    bad = [
        ({"context": "lstm"}, "`context` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"scales": []}, "`scales` must be a list"),
        ({"scales": [0.0]}, "`factor` must be a finite number above 0"),
        ({"window_cells": 4}, "`window_cells` must be odd"),
        ({"score_threshold": 30}, "Is it in percent"),
        ({"match_threshold": 3}, "`match_threshold` must be a number from -1"),
    ]

    def test_larger_image_has_more_windows_in_one_pass(self):
        model = self.build()
        windows = keras.Model(model.inputs, model.get_layer("windows").output)
        small, large = (
            np.array(windows(np.zeros((1, height, 40, 3)))) for height in (20, 40)
        )
        # 4 pixels, and 20 * 1.6 = 32 of the larger scale
        assert len(small) == 5 * 10 + 8 * 16 and len(large) == 10 * 10 + 16 * 16
        np.testing.assert_allclose(large[:50], small[:50])
        assert np.unique((large[:, 2] - large[:, 0]).round(3)).tolist() == [7.5, 12]

    def test_untrained_boxes_are_their_windows(self):
        model = self.build()
        outputs = [model.get_layer(name).output for name in ("boxes", "windows")]
        boxes, windows = keras.Model(model.inputs, outputs)(np.zeros((1, 40, 40, 3)))
        expected = np.clip(windows, 0, 40)[None, :, None].repeat(2, 2)
        np.testing.assert_allclose(boxes, expected, atol=0.5)

    @pytest.mark.slow
    def test_squares_of_two_sizes_are_learnt(self):
        model = self.build(
            scales=[0.7, 1.2], backbone_filters=(16, 32), head_filters=32
        )
        trainer = overfeat_trainer(model)
        trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
        trainer.fit(self.batch(64), batch_size=8, epochs=30, verbose=0)
        assert self.hits(model) > 0.9
