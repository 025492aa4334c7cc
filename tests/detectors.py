"""What Faster and Mask R-CNN have in common, as tests that both inherit."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrecvis.models import detection
from tfrecvis.models.detection import two_stage_trainer

SMALL = {
    "anchor_sizes": [12, 24],
    "anchor_ratios": [1.0],
    "backbone_filters": (6, 8, 8),
    "backbone_blocks": (0, 0, 0),
    "units": 4,
    "neck_filters": 8,
    "head_units": 8,
    "max_proposals": 12,
    "max_detections": 5,
}


def bright_squares(count, seed=0, size=48):
    """Dark images with one or two bright squares of two sizes: classes 0 and 1."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (count, size, size, 3)).astype("uint8")
    boxes = np.zeros((count, 2, 4), "float32")
    classes = np.full((count, 2), -1, "int32")
    masks = np.zeros((count, 2, size, size), "uint8")
    for n in range(count):
        for k in range(rng.integers(1, 3)):
            kind = rng.integers(0, 2)
            side = (10, 18)[kind]
            x = rng.integers(24 * k, 24 * k + 24 - min(side, 23) + 1)
            y = rng.integers(0, size - side)
            boxes[n, k], classes[n, k] = (x, y, x + side, y + side), kind
            masks[n, k, y : y + side, x : x + side] = 1
            images[n, y : y + side, x : x + side] = 220
    return {"images": images, "boxes": boxes, "classes": classes, "masks": masks}


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = np.prod(np.maximum(high - low, 0))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


# Arguments: the folder of the model and its batch.
JAX = """
import sys
import keras, numpy as np
from tfrecvis.models.detection import two_stage_trainer

assert keras.backend.backend() == "jax"
folder = sys.argv[1]
batch = dict(np.load(f"{folder}/batch.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
found = model.predict(batch["images"], verbose=0)
trainer = two_stage_trainer(model, num_samples=64, num_anchors=1024)
trainer.compile("sgd")
loss = trainer.evaluate(batch, verbose=0, return_dict=True)["loss"]
history = trainer.fit(batch, verbose=0)
np.savez(f"{folder}/jax.npz", loss=loss, fitted=history.history["loss"], **found)
"""


class TwoStage:
    """Inherited by the tests of each builder, which give `build` and `truth`."""

    def build(self, **changes):
        keras.utils.set_random_seed(0)
        return type(self).builder(2, **{**SMALL, **self.own, **changes})

    def batch(self, count=2, seed=0):
        data = bright_squares(count, seed)
        return {name: data[name] for name in ("images", *self.truth)}

    def test_any_size_is_answered_in_its_own_pixels(self):
        model = self.build(score_threshold=0.0)
        images = np.random.default_rng(0).integers(0, 255, (2, 37, 51, 3))
        found = model(images.astype("float32"))
        boxes = keras.ops.convert_to_numpy(found["boxes"])
        assert boxes.shape == (2, 5, 4)
        assert boxes.min() >= 0 and (boxes.max((0, 1)) <= [51, 37, 51, 37]).all()
        count = keras.ops.convert_to_numpy(found["num_detections"])
        assert (count > 0).all()

    def test_twin_has_as_many_parameters(self):
        real, twin = (
            self.build(context=kind, units=48, backbone_filters=(32, 48, 64))
            for kind in ("renet", "conv")
        )
        assert twin.count_params() == pytest.approx(real.count_params(), rel=0.01)

    def test_context_lets_a_proposal_hear_from_the_whole_image(self):
        images = np.zeros((2, 96, 96, 3), "float32")
        images[1, -8:, -8:] = 255
        for context, hears in (("renet", True), ("conv", False)):
            model = self.build(context=context)
            level = keras.Model(model.inputs, model.get_layer("level4_relu").output)
            first, second = keras.ops.convert_to_numpy(level(images))[:, 0, 0]
            assert (np.abs(first - second).max() > 0) == hears

    @pytest.mark.slow
    def test_one_coarse_map_with_all_sizes(self):
        model = self.build(neck="c4", anchor_sizes=[12, 24, 40])
        assert model.get_layer("anchors").sizes == [[12, 24, 40]]
        assert model.get_layer("anchors").strides == [8]
        trainer = two_stage_trainer(model, num_samples=8, num_anchors=8)
        trainer.compile("sgd", run_eagerly=True)
        history = trainer.fit(self.batch(), verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    def test_every_weight_is_trained_and_shared(self):
        model = self.build()
        before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
        trainer = two_stage_trainer(model, num_samples=32, seed=0)
        trainer.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
        trainer.fit(self.batch(), epochs=2, verbose=0)
        for weight, old in zip(model.trainable_weights, before, strict=True):
            new = keras.ops.convert_to_numpy(weight)
            assert np.abs(new - old).max() > 0, weight.path

    def test_images_without_any_box_are_survived(self):
        batch = self.batch()
        batch["boxes"] = np.zeros((2, 0, 4), "float32")
        batch["classes"] = np.zeros((2, 0), "int32")
        if "masks" in batch:
            batch["masks"] = batch["masks"][:, :0]
        trainer = two_stage_trainer(self.build())
        trainer.compile("sgd", run_eagerly=True)
        history = trainer.fit(batch, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert history["anchor_boxes"] == history["region_boxes"] == [0.0]

    @pytest.mark.slow
    def test_trainer_of_a_loaded_file(self, tmp_path):
        self.build().save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
        trainer = two_stage_trainer(model)
        trainer.compile("sgd", run_eagerly=True)
        scores = trainer.evaluate(self.batch(), verbose=0, return_dict=True)
        assert np.isfinite(scores["loss"])

    def test_signature_answers_uint8_images(self):
        (signature,) = detection.signatures(self.build())
        images = bright_squares(2)["images"]
        answer = signature(images=images)
        sizes = {"batch": 2, "height": 48, "width": 48}
        assert set(answer) == set(signature.outputs)
        for name, spec in signature.outputs.items():
            assert tuple(answer[name].shape) == spec.bound(sizes).shape
            assert keras.backend.standardize_dtype(answer[name].dtype) == spec.dtype

    def loss(self, model, jit_compile):
        """Of all anchors and regions, so that no draw makes a difference."""
        trainer = two_stage_trainer(model, num_samples=64, num_anchors=1024)
        trainer.compile("sgd", jit_compile=jit_compile)
        return trainer.evaluate(self.batch(), verbose=0, return_dict=True)["loss"]

    @pytest.mark.slow
    def test_xla_gives_the_same_loss_and_trains(self):
        model = self.build()
        assert self.loss(model, True) == pytest.approx(
            self.loss(model, False), rel=1e-4
        )
        trainer = two_stage_trainer(model)
        trainer.compile("sgd", jit_compile=True)
        assert np.isfinite(trainer.fit(self.batch(), verbose=0).history["loss"]).all()

    @pytest.mark.slow
    def test_jax_gives_the_same_loss_and_detections_and_trains(self, tmp_path):
        pytest.importorskip("jax")
        model = self.build(score_threshold=0.0)
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "batch.npz", **self.batch())
        done = subprocess.run(
            [sys.executable, "-c", JAX, str(tmp_path)],
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = dict(np.load(tmp_path / "jax.npz"))
        assert found.pop("loss") == pytest.approx(self.loss(model, False), rel=1e-4)
        assert np.isfinite(found.pop("fitted")).all()
        expected = model.predict(self.batch()["images"], verbose=0)
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-3)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"context": "lstm"}, "`context` must be"),
            ({"neck": "bifpn"}, "`neck` must be"),
            ({"dropout": 1.0}, "`dropout` must be"),
            ({"anchor_sizes": [8, 16, 32, 64]}, "for each map of the pyramid"),
            ({"anchor_sizes": [[8, 16], 32]}, "for each map of the pyramid"),
            ({"anchor_sizes": [0, 16]}, "`sizes` must be a finite number above 0"),
            ({"head_units": 0}, "`head_units` must be an integer of at least 1"),
            ({"score_threshold": 30}, "Is it in percent"),
        ],
    )
    def test_bad_arguments_are_named(self, changes, message):
        with pytest.raises(ValueError, match=message):
            self.build(**changes)
