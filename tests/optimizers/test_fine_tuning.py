"""A learning rate of its own for the backbone: steps, averages, files, errors."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrecvis.models import backbone_of
from tfrecvis.optimizers import fine_tuning

SHARE = 0.1
OPTIMIZERS = {
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {"weight_decay": 0.3}),
    "sgd": (keras.optimizers.SGD, {"momentum": 0.9, "weight_decay": 0.2}),
    "adadelta": (keras.optimizers.Adadelta, {"rho": 0.8}),
}
JAX = """
import sys
import keras, numpy as np
import tfrecvis

assert keras.backend.backend() == "jax"
model = keras.models.load_model(sys.argv[1])
x = np.ones((4, 3), "float32")
model.fit(x, x[:, :2], epochs=2, verbose=0)
np.savez(sys.argv[2], *model.get_weights())
"""


def small():
    """A model of two layers: the first is a backbone, inside of another model."""
    keras.utils.set_random_seed(1)
    images = keras.Input((3,))
    backbone = keras.Model(images, keras.layers.Dense(4)(images), name="conv")
    encoder = keras.Model(images, backbone(images), name="encoder")
    return keras.Model(images, keras.layers.Dense(2)(encoder(images)))


def slow_ones(model):
    return backbone_of(model).trainable_variables


def after_steps(optimizer, model):
    """The variables, and their averages, after three steps with given gradients."""
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    rng = np.random.default_rng(3)
    variables = model.trainable_variables
    for _ in range(3):
        gradients = [rng.normal(size=v.shape).astype("float32") for v in variables]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    averages = getattr(optimizer, "_model_variables_moving_average", variables)
    return model.get_weights(), [keras.ops.convert_to_numpy(x) for x in averages]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_backbone_takes_the_steps_of_an_optimizer_with_its_own_rate(name):
    base, arguments = OPTIMIZERS[name]

    def plain(scale):
        # Clipping sees all gradients; the schedule falls from step to step.
        rate = keras.optimizers.schedules.ExponentialDecay(0.5 * scale, 1, 0.5)
        return base(rate, global_clipnorm=1.0, use_ema=True, **arguments)

    model = small()
    optimizer = fine_tuning(plain(1), slow_ones(model), SHARE)
    found = after_steps(optimizer, model)
    slow, fast = (after_steps(plain(scale), small()) for scale in (SHARE, 1))
    for values, of_backbone, others in zip(found, slow, fast, strict=True):
        for number, value in enumerate(values):
            expected = (of_backbone if number < 2 else others)[number]
            np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-7)
    assert not np.allclose(slow[0][0], fast[0][0], rtol=1e-3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_at_zero_leaves_the_backbone_as_it_is(jit_compile):
    model = small()
    before = model.get_weights()
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.1, use_ema=True)
    optimizer = fine_tuning(optimizer, slow_ones(model), 0)
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    x = np.ones((4, 3), "float32")
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(x, x[:, :2], epochs=2, verbose=0, callbacks=[swap])
    after = model.get_weights()
    for number in range(2):
        np.testing.assert_array_equal(before[number], after[number])
    assert not np.allclose(before[2], after[2])


@pytest.mark.slow
def test_compiled_file_goes_on_as_the_model_and_so_does_jax(tmp_path):
    model = small()
    optimizer = fine_tuning(keras.optimizers.AdamW(0.1), slow_ones(model), SHARE)
    model.compile(optimizer, "mse", jit_compile=False)
    x = np.ones((4, 3), "float32")
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.fit(x, x[:, :2], epochs=2, verbose=0)
    arguments = [tmp_path / "model.keras", tmp_path / "weights.npz"]
    subprocess.run(
        [sys.executable, "-c", JAX, *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        check=True,
    )
    with np.load(tmp_path / "weights.npz") as file:
        on_jax = [file[f"arr_{number}"] for number in range(4)]
    for expected, *others in zip(
        model.get_weights(), loaded.get_weights(), on_jax, strict=True
    ):
        for other in others:
            np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-6)


def test_loss_scaling_keeps_the_share():
    model = small()
    optimizer = fine_tuning(keras.optimizers.SGD(0.1), slow_ones(model), SHARE)
    optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=4.0)
    before = model.get_weights()
    ones = [keras.ops.ones(v.shape) * 4.0 for v in model.trainable_variables]
    optimizer.apply(ones, model.trainable_variables)
    moved = [b - a for b, a in zip(before, model.get_weights(), strict=True)]
    expected = [0.1 * SHARE, 0.1 * SHARE, 0.1, 0.1]
    for found, size in zip(moved, expected, strict=True):
        np.testing.assert_allclose(found, size, rtol=1e-4)


def test_wrong_arguments_are_named():
    model = small()
    adam, slow = keras.optimizers.Adam(), slow_ones(model)
    with pytest.raises(ValueError, match="`share` must be"):
        fine_tuning(adam, slow, -0.1)
    with pytest.raises(ValueError, match="one of Keras' Adam, AdamW, SGD, Adadelta"):
        fine_tuning(keras.optimizers.Nadam(), slow, 0.1)
    with pytest.raises(ValueError, match="one of Keras' Adam"):
        fine_tuning(fine_tuning(adam, slow, 0.1), slow, 0.1)
    with pytest.raises(ValueError, match="`variables` must be at least one"):
        fine_tuning(adam, [], 0.1)
    images = keras.Input((3,))
    with pytest.raises(ValueError, match="'bare' has no backbone"):
        backbone_of(keras.Model(images, keras.layers.Dense(2)(images), name="bare"))


def test_backbone_that_is_not_trained_is_said():
    model = small()
    optimizer = fine_tuning(keras.optimizers.Adam(), slow_ones(model), 0.1)
    backbone_of(model).trainable = False
    with pytest.raises(ValueError, match="Of the 2 variables with a .* 0 are"):
        optimizer.build(model.trainable_variables)
