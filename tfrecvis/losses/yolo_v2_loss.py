"""The loss of YOLOv2: coordinates, objectness and classes."""

import keras
from keras import ops

from tfrecvis.ops.boxes import box_overlap, pairwise_iou
from tfrecvis.ops.truth import padded_truth


@keras.saving.register_keras_serializable("tfrecvis")
class YOLOv2Loss(keras.losses.Loss):
    """Loss of boxes that answer for the objects whose centre lies in their cell.

    For an object of sides w, h with its centre (x, y), the prior of the most similar
    shape in its cell is responsible; b is its box, o its objectness, s the stride:

        boxes    = (2 - w h / (W H)) / 2 * (((b_x - x)^2 + (b_y - y)^2) / s^2
                   + log(b_w / w)^2 + log(b_h / h)^2)
        objects  = 5 * cross_entropy(o, IoU(b, object))
        nothing  = cross_entropy(o, 0) for each box that is not responsible, unless its
                   IoU with some object exceeds 0.6
        classes  = cross_entropy(classes of b, class of the object)

    All are summed over the batch and divided by its number of objects, or by one where
    there is none. No gradient passes through the IoU.

    Reference: Redmon and Farhadi, 2017 (https://arxiv.org/abs/1612.08242), and the
    settings of its published configuration.
    Differs from these: objectness by cross-entropy in place of squared differences, no
    pull towards the priors in the first batches, and no limit on the number of objects.

    Args:
        priors: List of (width, height) in pixels, as those of `GridBoxes`.
        stride: Integer, side of a cell in pixels.
        object_weight: Float, weight of `objects`.
        ignore_iou: Float, the IoU above which a box is neither.
        name: String.

    Call arguments:
        y_true: Floats `(batch, objects, 5)`: xyxy in absolute pixels and the class;
            class -1 is padding.
        y_pred: Floats `(batch, rows, columns, priors, 5 + classes)`, as `GridBoxes`
            gives them.

    Example:

    >>> loss = YOLOv2Loss([(10, 20), (40, 30)], stride=16)
    >>> boxes = keras.layers.Input((3, 4, 14))
    >>> truth = ops.convert_to_tensor([[[4.0, 6, 30, 40, 0]]])
    >>> float(loss(truth, ops.ones((1, 3, 4, 2, 7)))) > 0
    True
    """

    def __init__(
        self, priors, stride, object_weight=5.0, ignore_iou=0.6, name="yolo_v2_loss"
    ):
        super().__init__(name=name, reduction=None)
        self.priors = [tuple(map(float, prior)) for prior in priors]
        self.stride = stride
        self.object_weight = object_weight
        self.ignore_iou = ignore_iou

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        num_classes = y_pred.shape[-1] - 5
        corners, labels, fault = padded_truth(
            y_true[..., :4], y_true[..., 4], num_classes
        )
        _, rows, columns, count, size = ops.shape(y_pred)
        boxes = ops.reshape(y_pred, (-1, rows * columns * count, size))
        real = ops.cast(labels >= 0, "float32")
        centre = (corners[..., :2] + corners[..., 2:]) / 2
        sides = ops.maximum(corners[..., 2:] - corners[..., :2], 1e-3)

        # The responsible box of each object, by its place in the flat list.
        last = ops.convert_to_tensor([columns - 1, rows - 1], "int32")
        cell = ops.clip(ops.cast(centre // self.stride, "int32"), 0, last)
        place = (cell[..., 1] * columns + cell[..., 0]) * count
        place = place + ops.argmax(self._similarity(sides), -1)
        own = ops.take_along_axis(boxes, place[..., None], 1)  # (B, M, 5 + K)

        area = ops.cast(rows * columns * self.stride**2, "float32")
        weight = (2 - sides[..., 0] * sides[..., 1] / area) / 2
        shifts = ops.sum(((own[..., :2] - centre) / self.stride) ** 2, -1)
        ratios = ops.sum(ops.log(own[..., 2:4] / sides) ** 2, -1)
        truth = _corners(ops.concatenate([centre, sides], -1))
        overlap = ops.stop_gradient(box_overlap(_corners(own), truth))
        objects = _binary(own[..., 4], overlap)
        classes = keras.losses.sparse_categorical_crossentropy(
            ops.maximum(labels, 0), own[..., 5:], from_logits=True
        )
        found = weight * (shifts + ratios) + self.object_weight * objects + classes

        every = pairwise_iou(_corners(ops.stop_gradient(boxes)), truth)  # (B, N, M)
        best = ops.max(every * real[:, None], -1)
        responsible = ops.max(
            ops.one_hot(place, rows * columns * count) * real[..., None], 1
        )
        free = (1 - responsible) * ops.cast(best <= self.ignore_iou, "float32")
        nothing = ops.stop_gradient(free) * _binary(boxes[..., 4], 0.0)
        total = ops.sum(found * real) + ops.sum(nothing)
        return total / ops.maximum(ops.sum(real), 1.0) + fault

    def _similarity(self, sides):
        """IoU of each object's shape with each prior's, both around one centre."""
        priors = ops.convert_to_tensor(self.priors, "float32")
        shapes = [ops.concatenate([ops.zeros_like(x), x], -1) for x in (sides, priors)]
        return pairwise_iou(*map(_corners, shapes))

    def get_config(self):
        return {
            "priors": [list(prior) for prior in self.priors],
            "stride": self.stride,
            "object_weight": self.object_weight,
            "ignore_iou": self.ignore_iou,
            "name": self.name,
        }


def _binary(logits, target):
    """Cross-entropy of a logit and a probability, stable for any logit."""
    return ops.maximum(logits, 0) - logits * target + ops.softplus(-ops.abs(logits))


def _corners(boxes):
    """Boxes of a centre and sides, with or without more behind them, as xyxy."""
    centre, half = boxes[..., :2], boxes[..., 2:4] / 2
    return ops.concatenate([centre - half, centre + half], -1)
