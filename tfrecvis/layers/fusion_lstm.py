"""LSTM-CF: vertical sweeps over each modality, a horizontal one that fuses them."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size, real_pixels
from tfrecvis.layers.sweeps import add_sweep_weights, sweep
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class FusionLSTM(keras.layers.Layer):
    """Fuses feature maps of one scene, such as colour and depth, over all of it.

    A bidirectional LSTM runs along every column of each modality m, with weights of
    its own. A second one runs along every row of the results, side by side:

        v_m[r, c] = [down(x_m[r, c], v_down[r-1, c]); up(x_m[r, c], v_up[r+1, c])]
        v = [v_1; v_2; ...]
        y[r, c] = [right(v[r, c], y_right[r, c-1]); left(v[r, c], y_left[r, c+1])]

    Weights are packed as in `keras.layers.LSTM` (gates i, f, g, o; the forget bias
    starts at one), with one more leading axis for the directions: down, up, right,
    left. The columns of all modalities are run side by side.

    Masked pixels are read as zeros, carry the state through and output zeros, so that
    a padded scene gives what the scene alone gives, whatever its padding holds.

    Reference: Li et al., 2016, LSTM-CF (https://arxiv.org/abs/1604.05000). The paper
    has 100 units, and joins the outputs with the features of the last convolution.

    Args:
        units: Integer, units of each of the recurrent networks.

    Call arguments:
        modalities: List of two or more float tensors `(batch, height, width,
            channels)`; channels may differ.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or a list
            of them, one for each modality: a pixel is then real where all of them say
            so. Or None.
        training: Whether the hand-written backward pass is used.

    Input shape: list of `(batch, height, width, channels)`; height and width may be
        None.
    Output shape: `(batch, height, width, 2 * units)`.

    Raises:
        ValueError: `units` is not positive, there are fewer than two modalities, or
            their sizes differ, or, called eagerly, masks remove every pixel of a scene.

    Example:

    >>> colour, depth = keras.ops.ones((2, 6, 4, 3)), keras.ops.ones((2, 6, 4, 1))
    >>> FusionLSTM(8)([colour, depth]).shape
    TensorShape([2, 6, 4, 16])
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        check_integer("units", units)
        self.units = units
        self.supports_masking = True

    def build(self, modalities_shape):
        shapes = modalities_shape
        _check_modalities(shapes)
        for number, shape in enumerate(shapes):
            known_size(f"modalities[{number}]", shape)
        self.input_spec = [
            keras.layers.InputSpec(ndim=4, axes={-1: shape[-1]}) for shape in shapes
        ]
        self.vertical = [
            add_sweep_weights(self, f"vertical_{number}", shape[-1], self.units)
            for number, shape in enumerate(shapes)
        ]
        self.horizontal = add_sweep_weights(
            self, "horizontal", 2 * self.units * len(shapes), self.units
        )

    def call(self, modalities, mask=None, training=False):
        _check_modalities([x.shape for x in modalities])
        common = _common_mask(mask, modalities)
        prepared = [real_pixels(x, common, self.compute_dtype) for x in modalities]
        modalities, (mask, *_) = zip(*prepared, strict=True)
        rows_lead = (1, 0, 2, 3)  # (H, B, W, C)
        columns = None if mask is None else ops.transpose(mask, rows_lead)
        v = sweep(
            [
                (ops.transpose(x, rows_lead), weights, columns)
                for x, weights in zip(modalities, self.vertical, strict=True)
            ],
            training=training,
        )
        x = ops.transpose(ops.concatenate(v, -1), (2, 1, 0, 3))  # (W, B, H, C)
        rows = None if mask is None else ops.transpose(mask, (2, 0, 1, 3))
        (y,) = sweep([(x, self.horizontal, rows)], training=training)
        return ops.transpose(y, (1, 2, 0, 3))

    def compute_mask(self, modalities, mask=None):
        return _common_mask(mask, modalities)

    def compute_output_shape(self, modalities_shape):
        batch, height, width, _ = modalities_shape[0]
        return batch, height, width, 2 * self.units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def _check_modalities(shapes):
    if any(shape is None or isinstance(shape, int) for shape in shapes):
        raise ValueError(
            "`modalities` must be a list of two or more tensors. Received one tensor "
            f"of shape {tuple(shapes)}. Use ReNet for a single one."
        )
    if len(shapes) < 2:
        raise ValueError(
            "There must be two or more modalities to fuse. Received: shapes "
            f"{[tuple(shape) for shape in shapes]}. Use ReNet for a single one."
        )
    check_shapes(
        "Resize them, for example with keras.layers.Resizing.",
        **{
            f"modalities[{number}]": (f"batch height width channels_{number}", shape)
            for number, shape in enumerate(shapes)
        },
    )


def _common_mask(mask, modalities):
    """Where the pixels of every modality are real, or None."""
    masks = list(mask) if isinstance(mask, (list, tuple)) else [mask]
    masks = [ops.convert_to_tensor(each) for each in masks if each is not None]
    common = None
    for each in masks:
        check_shapes(
            **{"modalities[0]": ("batch height width channels", modalities[0])},
            mask=("batch height width", each),
        )
        each = ops.cast(each, "bool")
        common = each if common is None else ops.logical_and(common, each)
    return common
