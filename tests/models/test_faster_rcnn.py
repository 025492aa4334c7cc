import keras
import numpy as np
import pytest
from detectors import SMALL, TwoStage, bright_squares, iou

from tfrecvis.models import FasterRCNN, YOLOv2
from tfrecvis.models.detection import two_stage_trainer


@pytest.mark.slow  # Mask R-CNN, which has all of it, is fast
class TestFasterRCNN(TwoStage):
    builder = FasterRCNN
    own = {}
    truth = ("boxes", "classes")

    def test_model_of_one_stage_is_refused(self):
        model = YOLOv2(2, [(8, 8)], backbone_filters=(4, 4, 4, 4), units=2)
        with pytest.raises(ValueError, match="FasterRCNN or MaskRCNN"):
            two_stage_trainer(model)


@pytest.mark.slow
def test_squares_of_two_sizes_are_learnt():
    keras.utils.set_random_seed(0)
    settings = {**SMALL, "backbone_filters": (16, 24, 32), "neck_filters": 16}
    model = FasterRCNN(2, **{**settings, "head_units": 32})
    trainer = two_stage_trainer(model, num_samples=32, num_anchors=64)
    trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    data = bright_squares(64)
    data.pop("masks")
    trainer.fit(data, batch_size=8, epochs=30, verbose=0)
    test = bright_squares(16, seed=1)
    found = model.predict(test["images"], verbose=0)
    hits = []
    for n in range(16):
        for box, label in zip(test["boxes"][n], test["classes"][n], strict=True):
            if label >= 0:
                best = found["classes"][n] == label
                overlaps = [iou(box, other) for other in found["boxes"][n][best]]
                hits.append(max(overlaps, default=0) > 0.5)
    assert np.mean(hits) > 0.9
