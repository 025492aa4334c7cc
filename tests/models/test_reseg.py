"""ReSeg: any size in, the same size out, and a twin of equal parameter count."""

import keras
import numpy as np
import pytest

from tfrecvis.layers import ReNet
from tfrecvis.models import ReSeg

TINY = {
    "units": 4,
    "backbone_filters": (8, 8),
    "backbone_blocks": (0, 0),
    "decoder_filters": (8,),
}


def random_images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ReSeg(5, **TINY)


@pytest.mark.parametrize("size", [(1, 1), (7, 10), (8, 12), (13, 4)])
def test_logits_have_the_size_of_the_image(model, size):
    assert tuple(model(random_images(2, *size, 3)).shape) == (2, *size, 5)


def test_the_output_layer_is_called_logits(model):
    assert model.layers[-1].name == "logits"
    assert model.output_shape == (None, None, None, 5)


def test_integer_and_float_images_give_the_same_logits(model):
    images = random_images(1, 9, 11, 3)
    np.testing.assert_array_equal(
        numpy(model(images)), numpy(model(images.astype("float32")))
    )


def sees_the_far_corner(context):
    keras.utils.set_random_seed(0)
    model = ReSeg(3, context=context, num_layers=1, residual=False, **TINY)
    images = random_images(1, 64, 80, 3)
    changed = images.copy()
    changed[:, :8, :8] = 255 - changed[:, :8, :8]
    before, after = numpy(model(images)), numpy(model(changed))
    return np.abs(before - after)[0, -1, -1].max() > 0


def test_recurrence_sees_the_far_corner_and_the_twin_does_not():
    assert sees_the_far_corner("renet")
    assert not sees_the_far_corner("conv")


@pytest.mark.parametrize(
    "units, cell, residual, num_layers",
    [(48, "lstm", True, 2), (48, "gru", True, 1), (9, "lstm", False, 2)],
)
def test_the_twin_has_as_many_parameters(units, cell, residual, num_layers):
    arguments = {
        "units": units,
        "cell": cell,
        "residual": residual,
        "num_layers": num_layers,
        "backbone_blocks": (0, 0, 0),
    }
    recurrent = ReSeg(11, **arguments).count_params()
    twin = ReSeg(11, context="conv", **arguments).count_params()
    assert twin == pytest.approx(recurrent, rel=0.02)


def test_the_twin_differs_in_its_context_only():
    def others(model):
        return [
            (layer.name, type(layer).__name__)
            for layer in model.layers
            if not isinstance(layer, ReNet) and "_conv" not in layer.name
        ]

    twin = ReSeg(3, context="conv", **TINY)
    assert others(twin) == others(ReSeg(3, **TINY))
    assert not any(isinstance(layer, ReNet) for layer in twin.layers)


def test_no_layers_leave_backbone_and_decoder():
    names = [layer.name for layer in ReSeg(3, num_layers=0, **TINY).layers]
    assert not [name for name in names if name.startswith("context")]


def test_the_papers_decoder_is_made_of_transposed_convolutions():
    model = ReSeg(
        3, "vgg16", decoder="transposed", decoder_filters=(6, 6), residual=False
    )
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2DTranspose") == 2
    assert tuple(model(random_images(1, 9, 10, 3)).shape) == (1, 9, 10, 3)


def test_a_saved_model_gives_the_same_logits(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    images = random_images(1, 9, 11, 3)
    np.testing.assert_array_equal(
        numpy(keras.models.load_model(path)(images)), numpy(model(images))
    )


def test_dropout_acts_in_training_only():
    model = ReSeg(3, dropout=0.5, **TINY)
    images = random_images(1, 16, 16, 3)
    np.testing.assert_array_equal(numpy(model(images)), numpy(model(images)))
    assert "context1_dropout" in [layer.name for layer in model.layers]


def test_logits_are_float32_under_a_mixed_policy():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ReSeg(3, **TINY)
        logits = model(random_images(1, 9, 10, 3))
    finally:
        keras.config.set_dtype_policy(policy)
    assert model.get_layer("classes").compute_dtype == "float32"
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_every_weight_gets_a_gradient():
    model = ReSeg(3, **TINY)
    before = [weight.numpy() for weight in model.trainable_weights]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
    labels = np.random.default_rng(1).integers(0, 3, (2, 16, 16))
    model.fit(random_images(2, 16, 16, 3), labels, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(weight.numpy() - old).max() > 0, weight.path


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_classes": 1}, "`num_classes`.*at least 2"),
        ({"num_classes": 2.5}, "`num_classes`"),
        ({"backbone": "vgg"}, "`backbone` must be one of"),
        ({"context": "gru"}, "`context` must be"),
        ({"units": 0}, "`units` must be"),
        ({"num_layers": -1}, "`num_layers` must be"),
        ({"cell": "rnn"}, "`cell` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"decoder": "fancy"}, "`decoder` must be"),
        ({"decoder_filters": (0,)}, "`decoder_filters` must be a tuple"),
        ({"input_shape": (4, 4)}, "`input_shape` must be"),
        ({"input_shape": (4, 4, 1)}, "`input_shape` must be"),
        ({"input_shape": (0, 4, 3)}, "`input_shape` must be"),
        ({"weights": "imagenet"}, "no pretrained weights"),
        ({"weights": "nowhere.h5"}, "there is no file"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReSeg(**{"num_classes": 3, **arguments})


def test_an_image_without_batch_axis_is_refused(model):
    with pytest.raises(ValueError, match="expected|incompatible"):
        model(random_images(8, 8, 3))


def test_decoder_takes_in_the_finer_maps():
    model = ReSeg(5, **TINY)
    deepest = model.get_layer("decoder1_in_conv")
    deepest.set_weights([np.zeros(w.shape) for w in deepest.get_weights()])
    first, second = (numpy(y) for y in model(random_images(2, 16, 16, 3)))
    assert np.abs(first - second).max() > 1e-3
