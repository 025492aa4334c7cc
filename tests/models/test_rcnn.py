import sys

import keras
import numpy as np
import pytest
from detectors import iou
from region_detectors import inputs, numpy, with_regions

from tfrecvis.models import RCNN, FastRCNN, detection
from tfrecvis.models.detection import fit_svms, rcnn_trainer, svm_stage

SMALL = {
    "backbone_filters": (6, 8),
    "backbone_blocks": (0, 0),
    "crop_size": 16,
    "head_units": 8,
    "max_detections": 5,
}


def build(**changes):
    keras.utils.set_random_seed(0)
    return RCNN(2, **{**SMALL, **changes})


@pytest.fixture(scope="module")
def detector():
    return build(score_threshold=0.0)


@pytest.fixture(scope="module")
def fitted():
    """A detector whose last layers were fitted, on features of random weights."""
    model = build(score_threshold=0.0, head_units=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svm_stage, "C", 0.1)  # the paper's is for thousands of boxes
        fit_svms(model, [with_regions(4), with_regions(4, seed=1)])
    return model


def warped(image, region, size):
    """A crop by loops: 16 of 227 pixels around it, zero outside of the image."""
    x0, y0, x1, y1 = region
    dx, dy = (x1 - x0) * 16 / 195, (y1 - y0) * 16 / 195
    x0, x1, y0, y1 = x0 - dx, x1 + dx, y0 - dy, y1 + dy
    height, width, _ = image.shape
    crop = np.zeros((size, size, 3))
    for i, j in np.ndindex(size, size):
        y = y0 + (i + 0.5) * (y1 - y0) / size - 0.5  # pixel centres lie at .5
        x = x0 + (j + 0.5) * (x1 - x0) / size - 0.5
        if not (-1 <= y <= height and -1 <= x <= width):
            continue
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        top, left = int(y), int(x)
        for row, column in np.ndindex(2, 2):
            weight = (1 - abs(y - top - row)) * (1 - abs(x - left - column))
            row, column = min(top + row, height - 1), min(left + column, width - 1)
            crop[i, j] += weight * image[row, column]
    return crop


def test_crops_equal_the_loop_over_pixels(detector):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, 20, 30, 3)).astype("float32")
    regions = [[4, 3, 17, 16.5], [-20, -9, 9, 30], [0, 0, 30, 20]]
    regions = np.array([regions], "float32")
    layers = [detector.get_layer(name).output for name in ("scale", "crops")]
    seen = keras.Model(detector.input, layers)
    scaled, crops = seen({"images": images, "regions": regions})
    scaled, crops = (keras.ops.convert_to_numpy(y)[0] for y in (scaled, crops))
    for crop, region in zip(crops, regions[0], strict=True):
        np.testing.assert_allclose(crop, warped(scaled, region, 16), atol=1e-4)


def test_padding_is_never_a_detection_and_changes_no_other(detector):
    batch = with_regions(2)
    expected = numpy(detector(inputs(batch)))
    assert expected["num_detections"].all()
    line = np.full((2, 3, 4), [20, 5, 20, 5], "float32")
    batch["regions"] = np.concatenate([line, batch["regions"], 0 * line], 1)
    found = numpy(detector(inputs(batch)))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)


def test_boxes_are_their_regions_before_the_last_stage(detector):
    batch = with_regions(1)
    found = numpy(detector(inputs(batch)))
    region = np.clip(batch["regions"][0], 0, 48)
    for box in found["boxes"][0]:
        assert np.abs(region - box).max(-1).min() < 1e-3


def test_all_but_the_regression_is_trained_by_fit_and_shared():
    model = build(dropout=0.0)
    before = {w.path: keras.ops.convert_to_numpy(w) for w in model.trainable_weights}
    trainer = rcnn_trainer(model, num_samples=16, seed=0)
    trainer.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    trainer.fit(with_regions(2), verbose=0)
    still = {
        weight.path
        for weight in model.trainable_weights
        if np.array_equal(before[weight.path], weight)
    }
    assert still == {"box_deltas/kernel", "box_deltas/bias"}


def test_loss_is_the_cross_entropy_with_a_background_of_zero():
    model = build(dropout=0.0)
    model.get_layer("class_scores").kernel.assign(np.zeros((8, 2)))
    model.get_layer("class_scores").bias.assign([1.0, -2.0])
    trainer = rcnn_trainer(model, num_samples=64)
    trainer.compile("sgd", run_eagerly=True)
    batch = with_regions(1)
    batch["regions"] *= 0  # the true boxes are what is left
    loss = trainer.evaluate(batch, verbose=0)
    labels = batch["classes"][0][batch["classes"][0] >= 0] + 1
    total = np.log(np.exp([0.0, 1.0, -2.0]).sum())
    expected = np.mean([total - [0.0, 1.0, -2.0][label] for label in labels])
    assert (loss[0] if isinstance(loss, list) else loss) == pytest.approx(expected)


@pytest.mark.parametrize("boxes", [0, 2])
def test_images_without_boxes_or_regions_are_survived(boxes):
    batch = with_regions(2)
    batch.update(boxes=batch["boxes"][:, :boxes], classes=batch["classes"][:, :boxes])
    batch["regions"] *= 0
    trainer = rcnn_trainer(build(), num_samples=8)
    trainer.compile("sgd", run_eagerly=True)
    history = trainer.fit(batch, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert (history["loss"] == [0.0]) == (boxes == 0)


def test_machines_are_in_the_last_layer_of_the_saved_file(fitted, tmp_path):
    fitted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = with_regions(2, seed=5)
    expected = numpy(fitted(inputs(batch)))
    for name, value in numpy(loaded(inputs(batch))).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
    (signature,) = detection.signatures(loaded)
    answer = signature(images=batch["images"], regions=batch["regions"])
    np.testing.assert_allclose(answer["boxes"], expected["boxes"], atol=1e-3)


def test_true_boxes_score_above_background_and_boxes_move(fitted):
    batch = with_regions(4)
    layer = fitted.get_layer("class_scores")
    scores = keras.Model(fitted.input, layer.output)
    of_boxes = numpy({"y": scores({**inputs(batch), "regions": batch["boxes"]})})["y"]
    far = batch["regions"][:, 10:-1]  # the other half is near true boxes
    of_others = numpy({"y": scores({**inputs(batch), "regions": far})})["y"]
    for number in range(2):
        own = of_boxes[..., number][batch["classes"] == number]
        apart = [
            of_others[n, k, number]
            for n, k in np.ndindex(far.shape[:2])
            if max(iou(far[n, k], box) for box in batch["boxes"][n]) < 0.3
        ]
        assert np.mean(own) > np.mean(apart) + 0.2
    found = numpy(fitted(inputs(batch)))
    gaps = np.abs(found["boxes"][0][:, None] - batch["regions"][0][None]).max(-1)
    assert gaps.min(1).max() > 0.1


def test_missing_scikit_learn_and_wrong_data_are_named(monkeypatch):
    one = with_regions(2)
    one["classes"] = np.minimum(one["classes"], 0)
    with pytest.raises(ValueError, match="Class 1 has no true box"):
        fit_svms(build(), [one])
    both = with_regions(4)
    with pytest.raises(ValueError, match="used up after the first of two passes"):
        fit_svms(build(), (batch for batch in [both]))
    flat = {**both, "boxes": both["boxes"][..., [0, 1, 0, 3]]}
    with pytest.raises(ValueError, match="Class 0 has no true box"):
        fit_svms(build(), [flat])
    other = FastRCNN(2, backbone_filters=(4,), backbone_blocks=(0,), units=2)
    for function in (rcnn_trainer, lambda model: fit_svms(model, [])):
        with pytest.raises(ValueError, match="must be what RCNN returned"):
            function(other)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"scikit-learn.*tfrecvis\[eval\]"):
        fit_svms(build(), [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_size": 0}, "`crop_size` must be an integer of at least 1"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"score_threshold": 30}, "Is it in percent"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.slow
def test_squares_of_two_sizes_are_learnt():
    model = build(backbone_filters=(16, 24), head_units=32, crop_size=24, dropout=0.1)
    trainer = rcnn_trainer(model, num_samples=16)
    trainer.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    data = with_regions(64)
    trainer.fit(data, batch_size=8, epochs=30, verbose=0)
    fit_svms(model, [{name: value[:32] for name, value in data.items()}])
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
