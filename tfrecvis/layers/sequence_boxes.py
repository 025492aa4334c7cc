"""The boxes that the cells of a map emit one after the other, until they stop."""

import keras
from keras import ops

from tfrecvis.ops.cell_boxes import cell_centres
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class SequenceBoxes(keras.layers.Layer):
    """Boxes in pixels and their scores, from what each cell emits step by step.

    With (x, y, w, h) the offsets of step t, p its class probabilities of which the
    first one is "stop", and s the stride, in the cell of column i and row j:

        box[t]      = the box of sides w, h around ((i + 1/2) s + x, (j + 1/2) s + y)
        reached[t]  = product over the steps r before t of (1 - p[r, stop])
        score[t, k] = reached[t] * p[t, k]

    A step after a "stop" gives no box. Boxes are cut to the image, and a box of a
    negative side has no area.

    Reference: Stewart and Andriluka, 2016, section 3 (https://arxiv.org/abs/1506.04878).
    Differs from the paper: there a sequence ends at the first step whose confidence is
    below a threshold; here each step is as likely as that it is reached.

    Args:
        stride: Integer, side of a cell in pixels.

    Call arguments:
        offsets: Float tensor `(batch, rows, columns, steps, 4)`, pixels.
        logits: Float tensor `(batch, rows, columns, steps, 1 + classes)`.
        images: Tensor `(batch, height, width, channels)`, of which only the size is
            read.

    Input shape: `(batch, rows, columns, steps, 4)`; rows and columns may be None.
    Output shape: dict of `boxes` `(batch, rows * columns * steps, 4)`, xyxy, absolute
        pixels, and `scores` `(batch, rows * columns * steps, classes)`, probabilities;
        float32 under every precision policy.

    Raises:
        ValueError: `stride` is not positive, or the shapes do not fit.

    Example:

    >>> offsets = ops.convert_to_tensor([[[[[1.0, 0.0, 6.0, 4.0]] * 2]]])
    >>> found = SequenceBoxes(stride=16)(
    ...     offsets, logits=ops.zeros((1, 1, 1, 2, 2)), images=ops.zeros((1, 16, 11, 3))
    ... )
    >>> ops.convert_to_numpy(found["boxes"])[0, 0].tolist()
    [6.0, 6.0, 11.0, 10.0]
    >>> ops.convert_to_numpy(found["scores"])[0, :, 0].tolist()
    [0.5, 0.25]
    """

    def __init__(self, stride, **kwargs):
        super().__init__(autocast=False, **kwargs)
        check_integer("stride", stride)
        self.stride = stride
        self.input_spec = keras.layers.InputSpec(ndim=5)

    def call(self, offsets, logits, images):
        self._check(offsets, logits, images)
        _, height, width, _ = ops.shape(images)
        _, rows, columns, steps, count = ops.shape(logits)
        offsets, logits = (ops.cast(x, "float32") for x in (offsets, logits))
        centres = cell_centres(rows, columns, self.stride)[:, :, None]
        middle = centres + offsets[..., :2]
        half = ops.relu(offsets[..., 2:]) / 2
        limit = ops.cast(ops.stack([width, height]), "float32")
        boxes = ops.concatenate(
            [ops.clip(middle + sign * half, 0, limit) for sign in (-1.0, 1.0)], -1
        )
        probabilities = ops.softmax(logits)
        reached, scores = 1.0, []
        for step in range(steps):
            here = probabilities[..., step, :]
            scores.append(reached * here[..., 1:])
            reached = reached * (1 - here[..., :1])
        scores = ops.stack(scores, -2)
        cells = rows * columns * steps
        return {
            "boxes": ops.reshape(boxes, (-1, cells, 4)),
            "scores": ops.reshape(scores, (-1, cells, count - 1)),
        }

    def _check(self, offsets, logits, images):
        for name, value in (("logits", logits), ("images", images)):
            check_given(name, value, f"Use `layer(offsets, ..., {name}={name})`.")
        check_shapes(
            offsets=("batch rows columns steps 4", offsets),
            logits=("batch rows columns steps logits", logits),
            images=("batch height width channels", images),
        )

    def compute_output_shape(self, offsets_shape, logits_shape, images_shape):
        batch, *cells, count = logits_shape
        places = None if None in cells else cells[0] * cells[1] * cells[2]
        return {"boxes": (batch, places, 4), "scores": (batch, places, count - 1)}

    def compute_output_spec(self, offsets, logits, images):
        self._check(offsets, logits, images)
        shapes = self.compute_output_shape(offsets.shape, logits.shape, images.shape)
        return {name: keras.KerasTensor(s, "float32") for name, s in shapes.items()}

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}
