"""Signature: what exports and commands know of a model."""

import keras
import numpy as np
import pytest

from tfrecvis.models import Signature, Spec
from tfrecvis.models.comparison import compare_values
from tfrecvis.models.signature import image_spec, input_axes


def test_a_signature_calls_its_function_with_the_model_and_inputs_by_name():
    signature = Signature(
        "serving_default", "model", lambda model, x, y: {"z": (model, x - y)}, {}, {}
    )
    assert signature(y=1, x=3) == {"z": ("model", 2)}
    assert signature.compare is compare_values
    assert signature.formats == ("saved_model", "litert", "onnx")


def test_axes_of_an_input_are_named_where_they_are_open():
    tensor = keras.Input((None, 5), name="x")
    assert input_axes(tensor, ("batch", "steps", "features")) == ("batch", "steps", 5)
    with pytest.raises(ValueError, match="zip"):
        input_axes(tensor, ("batch", "steps"))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_of_any_known_number_of_channels_are_taken(channels):
    images = keras.Input((None, 8, channels))
    model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    axes = ("batch", "height", 8, channels)
    assert image_spec(model) == Spec(axes, "uint8", image=True)


def vectors():
    x = keras.Input((8,))
    return keras.Model(x, keras.layers.Dense(2)(x))


def pairs():
    x, y = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    return keras.Model([x, y], keras.layers.Add()([x, y]))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (vectors, r"Functional with the input shape \(None, 8\)"),
        (pairs, "Functional with the input shape"),
        (lambda: "model.keras", "built Keras model.*Received: str"),
        (lambda: keras.Sequential([keras.layers.Conv2D(2, 1)]), "Sequential.* None"),
    ],
)
def test_what_is_no_model_of_images_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        image_spec(build())


def test_a_signature_cannot_be_changed():
    signature = Signature("serving_default", None, np.sum, {}, {})
    with pytest.raises(AttributeError):
        signature.name = "other"
