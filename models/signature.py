"""Signatures: all that exports and commands know of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras

from tfrecvis.models.comparison import compare_values

FORMATS = ("saved_model", "litert", "onnx")
WEIGHTS = ("float32", "float16", "int8")


class Spec(NamedTuple):
    """Axes and dtype of one named tensor.

    Fields:
        axes: Tuple with an integer for each fixed axis and a name for each open one;
            axes of the same name have the same size, in all tensors of a signature.
        dtype: String, such as `"float32"`, `"int32"`, `"bool"` or `"string"`.
        image: Boolean; the tensor holds images `(batch, height, width, channels)`,
            RGB if there are three channels, 0-255. Servers then take encoded images,
            too, and commands bring photos to the size that the model wants.
        what: String, what it holds and in which unit, for reports.

    Example:

    >>> Spec(("batch", "height", "width", 3), "uint8", image=True).shape
    (None, None, None, 3)
    """

    axes: tuple
    dtype: str
    image: bool = False
    what: str = ""

    @property
    def shape(self):
        """The shape, with None for each open axis."""
        return tuple(axis if isinstance(axis, int) else None for axis in self.axes)

    def bound(self, sizes):
        """Returns the spec in which open axes have the sizes of a dict.

        Example:

        >>> Spec(("batch", "steps"), "int32").bound({"steps": 12}).shape
        (None, 12)
        """
        axes = tuple(
            axis if isinstance(axis, int) else sizes.get(axis, axis)
            for axis in self.axes
        )
        return self._replace(axes=axes)


@dataclass(frozen=True)
class Signature:
    """A function of named tensors that a model offers, and how answers are compared.

    `export_model` writes it into every format that it names, `predict` and `evaluate`
    call it, and the parity report compares what each artefact answers.

    Args:
        name: String. The first one of a model is `"serving_default"`.
        model: Keras model that holds the weights.
        function: Function of the model and the named inputs that returns a dict of
            named outputs, written on `keras.ops` (on TensorFlow where it is for
            SavedModels only).
        inputs: Dict of names to `Spec`.
        outputs: Dict of names to `Spec`.
        compare: Function of two answers (dicts of arrays) and a tolerance that returns
            a dict; see `tfrecvis.models.comparison`.
        formats: Tuple, some of `"saved_model"`, `"litert"` and `"onnx"`: those that
            the function can be written in.
        weights: Tuple, some of `"float32"`, `"float16"` and `"int8"`: the types of
            weights in LiteRT files that leave the answers what they are.

    Example:

    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> brightness = Signature(
    ...     "serving_default",
    ...     model,
    ...     lambda model, images: {"brightness": keras.ops.mean(images, (1, 2, 3))},
    ...     {"images": Spec(("batch", "height", "width", 3), "float32")},
    ...     {"brightness": Spec(("batch",), "float32")},
    ... )
    >>> float(brightness(images=keras.ops.ones((1, 2, 2, 3)))["brightness"][0])
    1.0
    """

    name: str
    model: keras.Model
    function: Callable
    inputs: dict
    outputs: dict
    compare: Callable = compare_values
    formats: tuple = FORMATS
    weights: tuple = WEIGHTS

    def __call__(self, **inputs):
        return self.function(self.model, **inputs)


def input_axes(tensor, names):
    """Returns the axes of a model's input: its sizes, and names where they are open.

    Args:
        tensor: Keras tensor.
        names: Strings, one for each axis.

    Example:

    >>> input_axes(keras.Input((None, 3)), ("batch", "steps", "features"))
    ('batch', 'steps', 3)
    """
    return tuple(
        name if size is None else int(size)
        for name, size in zip(names, tensor.shape, strict=True)
    )


def image_spec(model):
    """The `Spec` of the images that a model takes, alone or as its input `images`.

    Raises:
        ValueError: the model does not take images with a known number of channels.

    Example:

    >>> images = keras.Input((28, 28, 1))
    >>> image_spec(keras.Model(images, keras.layers.Conv2D(2, 1)(images))).axes
    ('batch', 28, 28, 1)
    """
    images, shape = None, getattr(model, "input_shape", None)
    if isinstance(shape, list) and isinstance(model.input, dict):
        images = model.input.get("images")
    elif isinstance(shape, tuple):
        images = model.inputs[0]
    shape = shape if images is None else tuple(images.shape)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] is None:
        raise ValueError(
            "`model` must be a built Keras model of images (batch, height, width, "
            "channels), with a known number of channels. Received: "
            f"{type(model).__name__} with the input shape {shape}."
        )
    axes = input_axes(images, ("batch", "height", "width", "channels"))
    return Spec(axes, "uint8", image=True)
