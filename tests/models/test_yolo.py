import keras
import numpy as np
import pytest
from one_stage import OneStage, batch, found_share

from tfrecvis.models import YOLO
from tfrecvis.models.detection import yolo_trainer

SMALL = {
    "grid": 3,
    "input_shape": (48, 48, 3),
    "backbone_filters": (6, 8, 8),
    "backbone_blocks": (0, 0, 0),
    "units": 4,
    "head_units": 16,
    "max_detections": 5,
}


def build(**changes):
    keras.utils.set_random_seed(0)
    return YOLO(2, **{**SMALL, **changes})


class TestYOLO(OneStage):
    build = staticmethod(build)
    trainer = "yolo_trainer"
    weights = ("float32", "float16", "int8")
    terms = ("cell_boxes", "objects", "nothing", "cell_classes")

    def test_cells_and_boxes_are_as_many_as_asked_for(self):
        model = build(boxes_per_cell=3)
        assert model.get_layer("cells").output.shape == (None, 3, 3, 17)
        assert model.get_layer("boxes").output[0].shape == (None, 27, 4)

    def test_paper_has_1470_numbers_of_a_cell_grid(self):
        model = YOLO(20, backbone_filters=(2,) * 6, head_units=4)
        assert model.input_shape == (None, 448, 448, 3)
        assert model.get_layer("cell_values").units == 1470
        assert model.get_layer("flat").output.shape == (None, 7 * 7 * 2)

    def test_boxes_outside_the_image_are_no_detections(self):
        model = build(score_threshold=0.0)
        kernel, bias = model.get_layer("cell_values").get_weights()
        cells = bias.reshape(3, 3, -1)
        cells[...] = 0.5
        cells[..., 0] = -4.0  # the first box of each cell lies to the left of the image
        cells[..., 2] = 0.3
        model.get_layer("cell_values").set_weights([0 * kernel, bias])
        found = model(np.zeros((1, *SMALL["input_shape"])))
        boxes = found["boxes"][0, : int(found["num_detections"][0])]
        assert len(boxes)
        assert (np.array(boxes[:, 2:] - boxes[:, :2]) > 0).all()

    def test_context_is_there_when_asked_for(self):
        plain, real = build(), build(num_layers=1)
        assert not any("context" in layer.name for layer in plain.layers)
        assert real.get_layer("context1").units == 4

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"num_classes": 0}, "`num_classes` must be an integer of at least 1"),
            ({"grid": 0}, "`grid` must be an integer of at least 1"),
            ({"boxes_per_cell": 1.5}, "`boxes_per_cell` must be an integer"),
            ({"input_shape": (None, None, 3)}, "all positive integers: dense layers"),
            ({"input_shape": 48}, r"Received: input_shape=48"),
            ({"input_shape": (64, 64, 1)}, r"`input_shape` must be \(height, width, 3"),
            ({"max_detections": 0}, "`max_detections` must be an integer of at least"),
            ({"context": "lstm"}, "`context` must be"),
            ({"dropout": 1.0}, "`dropout` must be"),
            ({"score_threshold": 30}, "Is it in percent"),
        ],
    )
    def test_bad_arguments_are_named(self, changes, message):
        with pytest.raises(ValueError, match=message):
            YOLO(**{"num_classes": 2, **SMALL, **changes})


@pytest.mark.slow
def test_squares_of_two_sizes_are_learnt():
    # Four cells across: the two squares of an image never share one.
    model = build(grid=4, backbone_filters=(16, 24, 32), head_units=128, dropout=0.0)
    trainer = yolo_trainer(model)
    trainer.compile(keras.optimizers.Adam(2e-3), jit_compile=False)
    trainer.fit(batch(512), batch_size=16, epochs=24, verbose=0)
    assert found_share(model, batch(64, seed=2)) > 0.75
