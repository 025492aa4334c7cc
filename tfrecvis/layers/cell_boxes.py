"""Boxes of a detector's dense layer: some for each cell of a grid, with one class."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.boxes import clip_boxes
from tfrecvis.ops.cells import split_cells
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class CellBoxes(keras.layers.Layer):
    """Turns what a YOLO detector says of each cell into boxes in pixels and scores.

    With t the values of a box in the cell of column i and row j of S x S cells, and p_k
    the cell's probability of class k, of images of the sides W, H:

        x = (i + t_x) / S * W        w = t_w^2 * W
        y = (j + t_y) / S * H        h = t_h^2 * H
        score of class k = confidence * p_k

    (x, y) is the centre of the box; t_w and t_h are square roots of its shares of the
    image's sides. Boxes are cut to the image; no gradient passes.

    Reference: Redmon et al., 2016, section 2 (https://arxiv.org/abs/1506.02640).
    Differs from the paper: confidence and p_k, which are trained as plain numbers, are
    cut to 0 and 1 before they are multiplied.

    Args:
        boxes_per_cell: Positive integer.

    Call arguments:
        values: Float tensor `(batch, rows, columns, 5 * boxes_per_cell + classes)`; for
            each box t_x, t_y, t_w, t_h, confidence; then the classes.
        images: Tensor `(batch, height, width, channels)`, of which only the size is
            read.

    Input shape: `(batch, rows, columns, 5 * boxes_per_cell + classes)`.
    Output shape: dict of `boxes` `(batch, rows * columns * boxes_per_cell, 4)`,
        float32, xyxy, absolute pixels; and `scores` `(batch, rows * columns *
        boxes_per_cell, classes)`, float32; row after row.

    Raises:
        ValueError: The shapes do not fit, or there is no channel for a class.

    Example:

    >>> values = ops.convert_to_tensor([[[[0.5, 0.5, 0.5, 1.0, 0.5, 0.0, 1.0]]]])
    >>> found = CellBoxes(1)(values, images=ops.zeros((1, 20, 40, 3)))
    >>> found["boxes"].numpy().tolist(), found["scores"].numpy().tolist()
    ([[[15.0, 0.0, 25.0, 20.0]]], [[[0.0, 0.5]]])
    """

    def __init__(self, boxes_per_cell=2, **kwargs):
        super().__init__(autocast=False, **kwargs)
        check_integer("boxes_per_cell", boxes_per_cell)
        self.boxes_per_cell = boxes_per_cell

    def call(self, values, images):
        self._check(values, images)
        _, rows, columns, channels = ops.shape(values)
        _, height, width, _ = ops.shape(images)
        values = ops.stop_gradient(ops.cast(values, "float32"))
        boxes, classes = split_cells(values, self.boxes_per_cell)
        x = ops.cast(ops.arange(columns), "float32")[:, None]
        y = ops.cast(ops.arange(rows), "float32")[:, None, None]
        x = (boxes[..., 0] + x) / ops.cast(columns, "float32")
        y = (boxes[..., 1] + y) / ops.cast(rows, "float32")
        centre, half = ops.stack([x, y], -1), ops.square(boxes[..., 2:4]) / 2
        corners = ops.concatenate([centre - half, centre + half], -1)
        size = ops.cast(ops.stack([width, height, width, height]), "float32")
        corners = clip_boxes(corners * size, height, width)
        scores = ops.clip(boxes[..., 4:], 0, 1) * ops.clip(classes, 0, 1)[..., None, :]
        count = rows * columns * self.boxes_per_cell
        return {
            "boxes": ops.reshape(corners, (-1, count, 4)),
            "scores": ops.reshape(scores, (-1, count, scores.shape[-1])),
        }

    def _check(self, values, images):
        check_given("images", images, "Use `layer(values, images=images)`.")
        check_shapes(
            values=("batch rows columns channels", values),
            images=("batch height width image_channels", images),
        )
        if known_size("values", values.shape) <= 5 * self.boxes_per_cell:
            raise ValueError(
                "`values` must have five channels for each of the "
                f"{self.boxes_per_cell} boxes of a cell, and one for each class. "
                "Received: "
                f"values.shape={tuple(values.shape)}."
            )

    def compute_output_shape(self, values_shape):
        batch, rows, columns, channels = values_shape
        known = None not in (rows, columns)
        count = rows * columns * self.boxes_per_cell if known else None
        classes = channels - 5 * self.boxes_per_cell
        return {"boxes": (batch, count, 4), "scores": (batch, count, classes)}

    def compute_output_spec(self, values, images):
        self._check(values, images)
        return {
            name: keras.KerasTensor(shape, "float32")
            for name, shape in self.compute_output_shape(values.shape).items()
        }

    def get_config(self):
        return {**super().get_config(), "boxes_per_cell": self.boxes_per_cell}
