"""SavedModel for TensorFlow Serving: images or encoded images in, labels out."""

import tensorflow as tf

from tfrecvis.export.graph import (
    check_no_cudnn,
    image_spec,
    prediction_function,
    without_cudnn,
)

SIZES_DIFFER = (
    "All images of one batch must share one size: resize them, or send one request a "
    "size. Heights, widths and channels of an image and of the first image:"
)
NO_IMAGES = "image_bytes must hold at least one encoded image. Received:"


def decode_images(image_bytes, channels=3):
    """Decodes a batch of JPEG or PNG strings of one size.

    Args:
        image_bytes: String tensor `(batch,)`, encoded JPEG or PNG.
        channels: Integer, 3 for RGB.

    Returns:
        uint8 tensor `(batch, height, width, channels)`, 0-255.

    Raises:
        tf.errors.InvalidArgumentError: no image, images of different sizes, or a
            string that is no image.

    Example:

    >>> import tensorflow as tf
    >>> png = tf.io.encode_png(tf.zeros((4, 6, 3), tf.uint8))
    >>> tuple(decode_images([png, png]).shape)
    (2, 4, 6, 3)
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    count = tf.shape(image_bytes)[0]
    some = tf.debugging.assert_positive(count, message=NO_IMAGES)

    def decode(encoded):
        image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
        image.set_shape((None, None, channels))
        return image

    # In a graph, nothing else keeps image_bytes[0] from failing first, less clearly.
    with tf.control_dependencies([some] if some is not None else []):
        size = tf.shape(decode(image_bytes[0]))

    def decode_checked(encoded):
        image = decode(encoded)
        tf.debugging.assert_equal(tf.shape(image), size, message=SIZES_DIFFER)
        return image

    return tf.map_fn(
        decode_checked,
        image_bytes,
        fn_output_signature=tf.TensorSpec((None, None, channels), tf.uint8),
    )


def write_saved_model(model, directory, from_logits):
    """Writes `model` as a SavedModel with two named signatures.

    - `serving_default`: `images`, uint8 `(batch, height, width, channels)`, RGB, 0-255.
    - `serving_bytes`: `image_bytes`, strings `(batch,)`: JPEG or PNG, as REST clients
      send them in `{"b64": ...}`. Images of one batch share one size.

    Both return `labels`, int32 `(batch, height, width)`, and `probabilities`, float32
    `(batch, height, width, classes)`. No cuDNN operator is baked in.

    Args:
        model: Keras model.
        directory: Folder to write into.
        from_logits: Boolean, whether the model puts out logits or probabilities.

    Example:

    >>> import keras, os, tempfile
    >>> from tfrecvis.export.saved_model import write_saved_model
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_saved_model(model, folder, from_logits=True)
    ...     os.path.exists(folder + "/saved_model.pb")
    True
    """
    spec = image_spec(model)
    predict = prediction_function(model, from_logits)

    def predict_bytes(image_bytes):
        images = decode_images(image_bytes, spec.shape[-1])
        return predict(tf.ensure_shape(images, spec.shape))

    bytes_spec = tf.TensorSpec((None,), tf.string, name="image_bytes")
    module = tf.Module()
    # Not keras.export.ExportArchive: it stores every weight twice.
    module.weights = list(model.variables)
    signatures = {}
    with without_cudnn(model):
        for name, function, signature in (
            ("serving_default", predict, spec),
            ("serving_bytes", predict_bytes, bytes_spec),
        ):
            endpoint = tf.function(function, input_signature=[signature])
            signatures[name] = endpoint.get_concrete_function()
            check_no_cudnn(signatures[name])
    tf.saved_model.save(
        module,
        str(directory),
        signatures=signatures,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
