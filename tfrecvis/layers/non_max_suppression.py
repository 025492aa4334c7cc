"""From the boxes and scores of a head to a fixed number of detections."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists
from tfrecvis.ops.box_checks import check_threshold
from tfrecvis.ops.checks import check_flag, check_given, check_integer, check_number
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.suppression import LOWEST, soft_suppress, suppress, take_kept


@keras.saving.register_keras_serializable("tfrecvis")
class NonMaxSuppression(TakesLists, keras.layers.Layer):
    """Keeps the best boxes of each class, padded to a fixed number of detections.

    Every pair of a box and a class is a candidate with a score of its own. The
    candidates above `score_threshold`, the best `max_candidates` of them, are visited
    from the best down, and one is dropped if its IoU with a kept one of its class is
    above `iou_threshold`: a box exactly at the threshold is kept. With `soft_sigma`,
    none is dropped, and scores are multiplied by exp(-IoU^2 / soft_sigma) instead.
    `tfrecvis.ops.suppress` and `soft_suppress` state the rules in full.

    Nothing is random, there is no gradient, and all is float32 whatever the policy.

    Reference of the soft form: Bodla et al., 2017 (https://arxiv.org/abs/1704.04503).

    Args:
        max_outputs: Integer, detections of an image; the best are kept where there are
            more.
        iou_threshold: Number from 0 to 1.
        score_threshold: Number from 0.
        max_candidates: Integer, how many candidates of an image are looked at.
        class_agnostic: Whether boxes of different classes drop each other too.
        soft_sigma: Number above 0 for the soft form, or None.

    Call arguments:
        boxes: Float tensor `(batch, boxes, 4)`, xyxy, or `(batch, boxes, classes, 4)`,
            where each class has boxes of its own.
        scores: Float tensor `(batch, boxes, classes)`, or `(batch, boxes)` of one
            class. Background is no class here: leave it out.

    Input shape: `(batch, boxes, 4)`; boxes may be None.
    Output shape: dict of `boxes` `(batch, max_outputs, 4)`, padded with zeros; `scores`
        `(batch, max_outputs)`, padded with 0; `classes` `(batch, max_outputs)`, int32,
        padded with -1; and `num_detections` `(batch,)`, int32.

    Raises:
        ValueError: A number is out of range, boxes are not xyxy, or boxes and scores do
            not fit.

    Example:

    >>> boxes = [[[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]]]
    >>> boxes = keras.ops.convert_to_tensor(boxes, "float32")
    >>> scores = [[[0.9, 0.1], [0.8, 0.1], [0.1, 0.7]]]
    >>> found = NonMaxSuppression(4, score_threshold=0.2)(boxes, scores=scores)
    >>> keras.ops.convert_to_numpy(found["classes"]).tolist()
    [[0, 1, -1, -1]]
    """

    def __init__(
        self,
        max_outputs=100,
        iou_threshold=0.5,
        score_threshold=0.05,
        max_candidates=1000,
        class_agnostic=False,
        soft_sigma=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_integer("max_outputs", max_outputs)
        check_threshold("iou_threshold", iou_threshold)
        check_threshold("score_threshold", score_threshold)
        check_integer("max_candidates", max_candidates)
        check_flag("class_agnostic", class_agnostic)
        if soft_sigma is not None:
            check_number("soft_sigma", soft_sigma, positive=True)
        self.max_outputs = max_outputs
        self.iou_threshold = iou_threshold
        self.score_threshold = score_threshold
        self.max_candidates = max_candidates
        self.class_agnostic = class_agnostic
        self.soft_sigma = soft_sigma

    def call(self, boxes, scores):
        self._check(boxes.shape, None if scores is None else scores.shape)
        boxes, scores = (
            ops.stop_gradient(ops.cast(x, "float32")) for x in (boxes, scores)
        )
        own_boxes = len(boxes.shape) == 4
        if len(scores.shape) == 2:
            scores = scores[..., None]
        batch, count, num_classes = ops.shape(scores)
        # Candidate c is box `place[c]` of class `kind[c]`.
        pairs = ops.zeros((count, num_classes), "int32")
        place = ops.reshape(pairs + ops.arange(count, dtype="int32")[:, None], (-1,))
        kind = ops.reshape(pairs + ops.arange(num_classes, dtype="int32"), (-1,))
        scores = ops.reshape(scores, (batch, count * num_classes))
        scores = ops.where(scores > self.score_threshold, scores, LOWEST)
        limit = count * num_classes
        exact = isinstance(limit, int)
        smaller = min if exact else ops.minimum
        scores, best = ops.top_k(scores, smaller(limit, self.max_candidates))
        best = ops.cast(best, "int32")
        classes = ops.take(kind, best, axis=0)
        if own_boxes:
            boxes = ops.reshape(boxes, (batch, count * num_classes, 4))
        else:
            best = ops.take(place, best, axis=0)
        boxes = gather_nodes(boxes, best)
        options = {
            "max_outputs": self.max_outputs,
            "iou_threshold": self.iou_threshold,
            "score_threshold": self.score_threshold,
            "classes": None if self.class_agnostic else classes,
        }
        if self.soft_sigma is None:
            kept = suppress(boxes, scores, **options)
        else:
            kept = soft_suppress(boxes, scores, sigma=self.soft_sigma, **options)
        return {
            "boxes": take_kept(kept, boxes),
            "scores": kept.scores,
            "classes": take_kept(kept, classes, padding=-1),
            "num_detections": kept.count,
        }

    def _check(self, boxes_shape, scores_shape):
        check_given("scores", scores_shape, "Use `layer(boxes, scores=scores)`.")
        check_shapes(
            boxes=("batch boxes 4 | batch boxes classes 4", boxes_shape),
            scores=("batch boxes | batch boxes classes", scores_shape),
        )

    def compute_output_shape(self, boxes_shape, scores_shape):
        self._check(boxes_shape, scores_shape)
        batch, most = boxes_shape[0], self.max_outputs
        return {
            "boxes": (batch, most, 4),
            "scores": (batch, most),
            "classes": (batch, most),
            "num_detections": (batch,),
        }

    def compute_output_spec(self, boxes, scores):
        shapes = self.compute_output_shape(boxes.shape, scores.shape)
        integers = ("classes", "num_detections")
        return {
            name: keras.KerasTensor(shape, "int32" if name in integers else "float32")
            for name, shape in shapes.items()
        }

    def get_config(self):
        return {
            **super().get_config(),
            "max_outputs": self.max_outputs,
            "iou_threshold": self.iou_threshold,
            "score_threshold": self.score_threshold,
            "max_candidates": self.max_candidates,
            "class_agnostic": self.class_agnostic,
            "soft_sigma": self.soft_sigma,
        }
