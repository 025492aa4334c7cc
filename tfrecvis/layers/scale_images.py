"""From the images of a camera to the numbers that a network was trained on."""

import keras
from keras import ops

MODES = ("symmetric", "caffe")

# Blue, green, red: ImageNet's mean, as in `keras.applications.vgg16.preprocess_input`.
_CAFFE_MEAN = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable("tfrecvis")
class ScaleImages(keras.layers.Layer):
    """Brings images of 0-255 to the range that a backbone was trained on.

    - `"symmetric"`: `x / 127.5 - 1`, so -1 to 1.
    - `"caffe"`: blue, green, red with ImageNet's mean subtracted, as in VGG's weights.

    Everything is computed in float32, under a mixed policy too.

    Args:
        mode: `"symmetric"` or `"caffe"`.

    Call arguments:
        images: Tensor `(batch, height, width, 3)`, RGB, 0-255, integers or floats.

    Input shape: `(batch, height, width, 3)`; height and width may be None.
    Output shape: that of the input, in the layer's compute dtype.

    Raises:
        ValueError: `mode` is unknown.

    Example:

    >>> images = ScaleImages("symmetric")(keras.ops.full((1, 1, 1, 3), 255.0))
    >>> keras.ops.convert_to_numpy(images)[0, 0, 0].tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, mode="symmetric", **kwargs):
        # Images of a camera must not be rounded to bfloat16's 8 bits before scaling.
        super().__init__(autocast=False, **kwargs)
        if mode not in MODES:
            raise ValueError(
                '`mode` must be "symmetric" or "caffe". Received: mode='
                f'{mode!r}. Use "symmetric" for a network without pretrained weights.'
            )
        self.mode = mode

    def call(self, images):
        images = ops.cast(images, "float32")
        if self.mode == "caffe":
            images = images[..., ::-1] - ops.array(_CAFFE_MEAN)
        else:
            images = images / 127.5 - 1.0
        return ops.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, images):
        return keras.KerasTensor(images.shape, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
