import keras
import numpy as np
import pytest
from one_stage import OneStage, batch, found_share

from tfrecvis.models import SSD
from tfrecvis.models.detection import ssd_trainer

SMALL = {
    "anchor_sizes": [10, 18, 30],
    "anchor_ratios": [1.0],
    "backbone_filters": (6, 8),
    "backbone_blocks": (0, 0),
    "extra_filters": (8,),
    "units": 4,
    "max_detections": 5,
}


def build(**changes):
    keras.utils.set_random_seed(0)
    return SSD(2, **{**SMALL, **changes})


class TestSSD(OneStage):
    build = staticmethod(build)
    trainer = "ssd_trainer"
    weights = ("float32", "float16")
    terms = ("anchor_boxes", "anchor_classes")

    def test_any_size_is_answered_in_its_own_pixels(self):
        model = build(score_threshold=0.0)
        images = np.random.default_rng(0).integers(0, 255, (2, 37, 51, 3))
        found = model(images.astype("float32"))
        boxes = keras.ops.convert_to_numpy(found["boxes"])
        assert boxes.min() >= 0 and (boxes.max((0, 1)) <= [51, 37, 51, 37]).all()

    def test_maps_carry_the_default_boxes_of_the_paper(self):
        ratios = [[1.0, 2.0, 0.5], [1.0]]
        layer = build(anchor_sizes=[10, 40, 90], anchor_ratios=ratios).get_layer(
            "anchors"
        )
        assert layer.strides == [4, 8]  # the backbone's last map, and an added one
        assert layer.sizes == [[10], [40]]
        assert layer.ratios == ratios
        np.testing.assert_allclose(layer.squares, [[20], [60]])
        assert layer.counts == [4, 2]

    def test_heads_agree_with_the_order_of_anchors(self):
        # One anchor's delta moves the box at its own place.
        model = build(num_layers=0, score_threshold=0.0)
        part = keras.Model(
            model.inputs,
            [model.get_layer(name).output for name in ("box_deltas", "anchors")],
        )
        for layer in model.layers:
            if layer.name.startswith("box_deltas") and layer.weights:
                kernel, bias = layer.get_weights()
                # dx of an anchor is 1 for the first, 2 for the second one.
                bias = np.float32([1, 0, 0, 0, 2, 0, 0, 0])
                layer.set_weights([0 * kernel, bias])
        deltas, anchors = part.predict(np.zeros((1, 16, 24, 3)), verbose=0)
        sides = anchors[:, 2] - anchors[:, 0]
        first = np.isin(np.round(sides), (10, 18))
        assert deltas.shape[1] == len(anchors) == 2 * (4 * 6 + 2 * 3)
        np.testing.assert_array_equal(deltas[0, :, 0], np.where(first, 1, 2))

    def test_twin_has_as_many_parameters(self):
        real, twin = (
            build(context=kind, units=48, backbone_filters=(48, 64))
            for kind in ("renet", "conv")
        )
        assert twin.count_params() == pytest.approx(real.count_params(), rel=0.01)

    def test_context_lets_coarse_anchors_hear_from_the_whole_image(self):
        images = np.zeros((2, 96, 96, 3), "float32")
        images[1, -8:, -8:] = 255
        for context, hears in (("renet", True), ("conv", False)):
            model = build(context=context)
            heads = keras.Model(
                model.inputs, model.get_layer("class_logits4_list").output
            )
            first, second = keras.ops.convert_to_numpy(heads(images))[:, 0]
            assert (np.abs(first - second).max() > 0) == hears

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"num_classes": 0}, "`num_classes` must be an integer of at least 1"),
            ({"context": "lstm"}, "`context` must be"),
            ({"dropout": 1.0}, "`dropout` must be"),
            ({"anchor_sizes": [8, 16]}, "one size for each map and one more: from 2"),
            ({"anchor_sizes": [8] * 5}, r"of the strides \(2, 4\), and 1 for those"),
            ({"anchor_sizes": 8}, "`anchor_sizes` must be a list"),
            ({"anchor_sizes": [0, 16, 30]}, "`anchor_sizes` must be a finite number"),
            ({"anchor_ratios": [[1.0]]}, "`ratios` must be a list with one list"),
            ({"anchor_sizes": [30, 16, 8]}, "must grow from map to map"),
            ({"extra_filters": (0,)}, "`extra_filters` must be a tuple of integers of"),
            ({"extra_filters": 32}, r"tuple of integers .*extra_filters=32"),
            ({"max_detections": 0}, "`max_detections` must be an integer of at least"),
            ({"backbone_filters": 8}, "`backbone_filters` and .*backbone_filters=8,"),
            ({"input_shape": (64, 64, 1)}, r"`input_shape` must be \(height, width, 3"),
            ({"input_shape": 64}, r"\(height, width, 3\) without .*input_shape=64"),
            ({"score_threshold": 30}, "Is it in percent"),
        ],
    )
    def test_bad_arguments_are_named(self, changes, message):
        with pytest.raises(ValueError, match=message):
            SSD(**{"num_classes": 2, **SMALL, **changes})


@pytest.mark.slow
def test_squares_of_two_sizes_are_learnt():
    model = build(backbone_filters=(16, 24), extra_filters=(32,))
    trainer = ssd_trainer(model)
    trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    trainer.fit(batch(64), batch_size=8, epochs=30, verbose=0)
    assert found_share(model, batch(16, seed=1)) > 0.9
