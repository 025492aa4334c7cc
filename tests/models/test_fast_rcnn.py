import keras
import numpy as np
import pytest
from detectors import iou
from region_detectors import inputs, numpy, with_regions

from tfrecvis.models import FasterRCNN, FastRCNN, detection
from tfrecvis.models.detection import fast_rcnn_trainer

SMALL = {
    "backbone_filters": (6, 8),
    "backbone_blocks": (0, 0),
    "units": 4,
    "head_units": 8,
    "max_detections": 5,
}


def build(**changes):
    keras.utils.set_random_seed(0)
    return FastRCNN(2, **{**SMALL, **changes})


@pytest.fixture(scope="module")
def detector():
    return build(score_threshold=0.0)


def test_detections_lie_in_images_of_any_size(detector):
    images = np.random.default_rng(0).uniform(0, 255, (2, 37, 51, 3))
    regions = np.array([[[3, 4, 30, 36], [20.5, 0, 70, 20]]] * 2, "float32")
    found = numpy(detector({"images": images.astype("float32"), "regions": regions}))
    assert found["boxes"].shape == (2, 5, 4)
    assert found["boxes"].min() >= 0
    assert (found["boxes"].max((0, 1)) <= [51, 37, 51, 37]).all()
    assert (found["num_detections"] > 0).all()


def test_padding_is_never_a_detection_and_changes_no_other(detector):
    batch = with_regions(2)
    expected = numpy(detector(inputs(batch)))
    # A region without area somewhere else: what an augmentation makes of padding.
    line = np.full((2, 3, 4), [20, 5, 20, 5], "float32")
    batch["regions"] = np.concatenate([line, batch["regions"], 0 * line], 1)
    found = numpy(detector(inputs(batch)))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)
    nothing = numpy(detector({**inputs(batch), "regions": line}))
    assert not nothing["num_detections"].any()


def test_boxes_begin_at_their_regions(detector):
    batch = with_regions(1)
    found = numpy(detector(inputs(batch)))
    for box in found["boxes"][0]:
        region = np.clip(batch["regions"][0], 0, 48)
        assert np.abs(region - box).max(-1).min() < 0.5  # deltas are near zero


def test_suppression_is_that_of_the_paper(detector):
    assert detector.get_layer("detections").iou_threshold == 0.3


def test_features_are_pooled_as_in_the_paper_or_aligned():
    kinds = {
        pooling: type(build(pooling=pooling).get_layer("region_features")).__name__
        for pooling in ("roi_pool", "roi_align")
    }
    assert kinds == {"roi_pool": "RoIPool", "roi_align": "RoIAlign"}


def test_twin_has_as_many_parameters():
    real, twin = (
        build(context=kind, units=48, backbone_filters=(32, 64))
        for kind in ("renet", "conv")
    )
    assert twin.count_params() == pytest.approx(real.count_params(), rel=0.01)


def test_every_weight_is_trained_and_shared():
    model = build()
    before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
    trainer = fast_rcnn_trainer(model, num_samples=16, seed=0)
    trainer.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    trainer.fit(with_regions(2), epochs=2, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = keras.ops.convert_to_numpy(weight)
        assert np.abs(new - old).max() > 0, weight.path


def test_a_quarter_is_positive_and_background_overlaps_a_little():
    samples = fast_rcnn_trainer(build()).get_layer("samples")
    assert samples.num_samples == 64
    assert (samples.positive_fraction, samples.foreground) == (0.25, 0.5)
    assert samples.background == 0.1


@pytest.mark.parametrize("boxes", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_images_without_boxes_or_regions_are_survived(boxes):
    batch = with_regions(2)
    batch.update(boxes=batch["boxes"][:, :boxes], classes=batch["classes"][:, :boxes])
    batch["regions"] *= 0
    trainer = fast_rcnn_trainer(build(), num_samples=8)
    trainer.compile("sgd", run_eagerly=True)
    history = trainer.fit(batch, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert (history["loss"] == [0.0]) == (boxes == 0)


def test_trainer_of_a_loaded_file(tmp_path):
    build().save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    trainer = fast_rcnn_trainer(model, num_samples=8)
    trainer.compile("sgd", run_eagerly=True)
    scores = trainer.evaluate(with_regions(2), verbose=0, return_dict=True)
    assert np.isfinite(scores["loss"])


def test_signature_answers_uint8_images_and_regions(detector):
    (signature,) = detection.signatures(detector)
    assert list(signature.inputs) == ["images", "regions"]
    assert signature.inputs["regions"].axes == ("batch", "regions", 4)
    batch = with_regions(2)
    answer = signature(images=batch["images"], regions=batch["regions"])
    sizes = {"batch": 2, "height": 48, "width": 48}
    assert set(answer) == set(signature.outputs)
    for name, spec in signature.outputs.items():
        assert tuple(answer[name].shape) == spec.bound(sizes).shape
        assert keras.backend.standardize_dtype(answer[name].dtype) == spec.dtype


def test_detector_without_regions_is_refused():
    model = FasterRCNN(
        2, [8], backbone_filters=(4,), backbone_blocks=(0,), neck_filters=4, units=2
    )
    with pytest.raises(ValueError, match="must be what FastRCNN returned"):
        fast_rcnn_trainer(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": "lstm"}, "`context` must be"),
        ({"pooling": "max"}, "`pooling` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"head_units": 0}, "`head_units` must be an integer of at least 1"),
        ({"score_threshold": 30}, "Is it in percent"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["roi_pool", "roi_align"])
def test_squares_of_two_sizes_are_learnt(pooling):
    model = build(backbone_filters=(16, 24), head_units=32, pooling=pooling)
    trainer = fast_rcnn_trainer(model, num_samples=16)
    trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    trainer.fit(with_regions(64), batch_size=8, epochs=30, verbose=0)
    test = with_regions(16, seed=1)
    found = model.predict(inputs(test), verbose=0)
    hits = []
    for n in range(16):
        for box, label in zip(test["boxes"][n], test["classes"][n], strict=True):
            if label >= 0:
                best = found["classes"][n] == label
                overlaps = [iou(box, other) for other in found["boxes"][n][best]]
                hits.append(max(overlaps, default=0) > 0.5)
    assert np.mean(hits) > 0.9


@pytest.mark.slow
def test_xla_gives_the_same_loss():
    losses = []
    model = build()
    for jit_compile in (True, False):
        # All regions are drawn, so that no draw makes a difference.
        trainer = fast_rcnn_trainer(model, num_samples=128)
        trainer.compile("sgd", jit_compile=jit_compile)
        scores = trainer.evaluate(with_regions(2), verbose=0, return_dict=True)
        losses.append(scores["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
