"""SavedModel for TensorFlow Serving: images or encoded images in, answers out."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfrecvis.data import decode_image
from tfrecvis.export.card import card_text
from tfrecvis.export.predictor import CARD
from tfrecvis.models import Signature, Spec

SIZES_DIFFER = (
    "All images of one batch must share one size: resize them, or send one request per "
    "size. Heights, widths and channels of an image and of the first image:"
)
NO_IMAGES = "image_bytes must hold at least one encoded image. Received:"


def decode_images(image_bytes, channels=3):
    """Decodes a batch of JPEG, PNG, BMP or GIF strings of one size.

    Photos are turned as their EXIF orientation says, as wherever
    `tfrecvis.data.decode_image` reads them.

    Args:
        image_bytes: String tensor `(batch,)`, encoded images.
        channels: Integer, 3 for RGB or 1 for grey.

    Returns:
        uint8 tensor `(batch, height, width, channels)`, 0-255.

    Raises:
        tf.errors.InvalidArgumentError: no image, images of different sizes, or a
            string that is no image.

    Example:

    >>> png = tf.io.encode_png(tf.zeros((4, 6, 3), tf.uint8))
    >>> tuple(decode_images([png, png]).shape)
    (2, 4, 6, 3)
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    count = tf.shape(image_bytes)[0]
    some = tf.debugging.assert_positive(count, message=NO_IMAGES)

    # In a graph, nothing else keeps image_bytes[0] from failing first, less clearly.
    with tf.control_dependencies([some] if some is not None else []):
        size = tf.shape(decode_image(image_bytes[0], channels))

    def decode_checked(encoded):
        image = decode_image(encoded, channels)
        tf.debugging.assert_equal(tf.shape(image), size, message=SIZES_DIFFER)
        return image

    return tf.map_fn(
        decode_checked,
        image_bytes,
        fn_output_signature=tf.TensorSpec((None, None, channels), tf.uint8),
    )


def bytes_signature(signature):
    """Returns the signature that takes encoded images, or None if there are none.

    `serving_default` becomes `serving_bytes`, and `images` becomes `image_bytes`,
    strings `(batch,)`: JPEG, PNG, BMP or GIF, as REST clients send them in
    `{"b64": ...}`. Images of one batch share one size. Images of other channels than
    one or three have no encoding.

    Args:
        signature: A `tfrecvis.models.Signature`.

    Example:

    >>> import keras
    >>> from tfrecvis.models import segmentation
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> bytes_signature(segmentation.signatures(model)[0]).name
    'serving_bytes'
    """
    encoded = _encoded_names(signature)
    if not encoded:
        return None

    def answer(model, /, **inputs):
        for name, bytes_name in encoded.items():
            shape = signature.inputs[name].shape
            images = decode_images(inputs.pop(bytes_name), shape[-1])
            inputs[name] = tf.ensure_shape(images, shape)
        return signature.function(model, **inputs)

    inputs = {}
    for name, spec in signature.inputs.items():
        if name in encoded:
            name, spec = encoded[name], Spec(spec.axes[:1], "string")
        inputs[name] = spec
    stem = signature.name.removesuffix("_default")
    return Signature(
        f"{stem}_bytes",
        signature.model,
        answer,
        inputs,
        signature.outputs,
        signature.compare,
        ("saved_model",),
    )


def encode_images(signature, inputs):
    """Returns the inputs of `bytes_signature` for inputs of the signature itself."""
    names = _encoded_names(signature)
    encoded = {}
    for name, value in inputs.items():
        if name in names:
            # PNG loses nothing, so the answers must be the same.
            images = [tf.io.encode_png(image).numpy() for image in value]
            name, value = names[name], np.array(images, object)
        encoded[name] = value
    return encoded


def _encoded_names(signature):
    """The inputs that can come encoded, and their names then."""
    return {
        name: f"{name.removesuffix('s')}_bytes"
        for name, spec in signature.inputs.items()
        if spec.image and spec.shape[-1] in (1, 3)
    }


def write_saved_model(concretes, directory, card):
    """Writes traced signatures as one SavedModel.

    Args:
        concretes: Dict of a signature's name to its concrete function, as `trace` makes
            it.
        directory: Folder to write into.
        card: Dict, which becomes `assets/model.json`.

    Example:

    >>> import os, tempfile
    >>> from tfrecvis.export.formats.tracing import trace
    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> (signature,) = sequences.signatures(SequenceTagger(11, units=4, depth=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_saved_model({signature.name: trace(signature)}, folder, {})
    ...     os.path.exists(folder + "/assets/model.json")
    True
    """
    module = tf.Module()
    # Not keras.export.ExportArchive: it stores every weight twice.
    variables = [v for concrete in concretes.values() for v in concrete.variables]
    module.weights = list({id(v): v for v in variables}.values())
    file = Path(f"{directory}-card", CARD)
    file.parent.mkdir()
    try:
        file.write_text(card_text(card), encoding="utf-8")
        module.card = tf.saved_model.Asset(str(file))
        tf.saved_model.save(
            module,
            str(directory),
            signatures=concretes,
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
        )
    finally:
        file.unlink(missing_ok=True)
        file.parent.rmdir()
