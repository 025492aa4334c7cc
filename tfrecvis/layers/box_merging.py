"""From boxes that agree with each other to detections, by merging them."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists
from tfrecvis.ops.box_checks import check_threshold
from tfrecvis.ops.box_merging import merge_boxes
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class BoxMerging(TakesLists, keras.layers.Layer):
    """Merges the boxes of each class that match, in place of suppressing them.

    Of each class, the boxes above `score_threshold`, the best `max_candidates` of them,
    are merged two by two: the pair that matches best becomes the mean of their corners
    with the larger of their scores, until no pair matches. `tfrecvis.ops.merge_boxes`
    states the rule in full. What is left of all classes is sorted by score.

    Nothing is random, there is no gradient, and all is float32 whatever the policy.

    Reference: Sermanet et al., 2014, section 4.3 (https://arxiv.org/abs/1312.6229).
    Differs from the paper: the match score, as `merge_boxes` says, and each class is
    merged on its own.

    Args:
        max_outputs: Integer, detections of an image; the best are kept where there are
            more.
        match_threshold: Number, the match up to which boxes are merged; -1 is that of
            identical boxes.
        score_threshold: Number from 0 to 1.
        max_candidates: Integer, boxes of a class that are looked at. Work grows with
            its third power.

    Call arguments:
        boxes: Float tensor `(batch, boxes, classes, 4)`, xyxy.
        scores: Float tensor `(batch, boxes, classes)`.

    Input shape: `(batch, boxes, classes, 4)`; boxes may be None.
    Output shape: dict as that of `NonMaxSuppression`.

    Raises:
        ValueError: A number is out of range, or boxes and scores do not fit.

    Example:

    >>> boxes = [[[[0, 0, 10, 10]], [[2, 0, 12, 10]], [[50, 50, 60, 60]]]]
    >>> scores = keras.ops.convert_to_tensor([[[0.5], [0.9], [0.8]]])
    >>> boxes = keras.ops.convert_to_tensor(boxes, "float32")
    >>> found = BoxMerging(max_outputs=2)(boxes, scores=scores)
    >>> keras.ops.convert_to_numpy(found["boxes"])[0].tolist()
    [[1.0, 0.0, 11.0, 10.0], [50.0, 50.0, 60.0, 60.0]]
    """

    def __init__(
        self,
        max_outputs=100,
        match_threshold=0.0,
        score_threshold=0.05,
        max_candidates=50,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_integer("max_outputs", max_outputs)
        if not -1 <= match_threshold <= 1:
            raise ValueError(
                "`match_threshold` must be a number from -1, where identical boxes "
                "match, to 1, where boxes lie a diagonal apart. Received: "
                f"match_threshold={match_threshold!r}."
            )
        check_threshold("score_threshold", score_threshold)
        check_integer("max_candidates", max_candidates)
        self.max_outputs = max_outputs
        self.match_threshold = match_threshold
        self.score_threshold = score_threshold
        self.max_candidates = max_candidates

    def call(self, boxes, scores):
        self._check(boxes.shape, None if scores is None else scores.shape)
        num_classes, most = boxes.shape[2], self.max_candidates
        boxes, scores = (
            ops.stop_gradient(ops.cast(x, "float32")) for x in (boxes, scores)
        )
        # (B * K, N): each class as an image of its own, with padding, as much as may
        # be missing.
        count = ops.shape(boxes)[1]
        boxes = ops.reshape(ops.transpose(boxes, (0, 2, 1, 3)), (-1, count, 4))
        scores = ops.reshape(ops.transpose(scores, (0, 2, 1)), (-1, count))
        boxes = ops.pad(boxes, [(0, 0), (0, most), (0, 0)])
        scores = ops.pad(scores, [(0, 0), (0, most)])
        scores, best = ops.top_k(scores, most)
        boxes, scores, _ = merge_boxes(
            gather_nodes(boxes, best),
            scores,
            self.match_threshold,
            max_outputs=most,
            score_threshold=self.score_threshold,
        )
        # (B, K * most): the classes side by side again
        size = num_classes * most
        boxes = ops.reshape(boxes, (-1, size, 4))
        scores = ops.reshape(scores, (-1, size))
        boxes = ops.pad(boxes, [(0, 0), (0, self.max_outputs), (0, 0)])
        scores = ops.pad(scores, [(0, 0), (0, self.max_outputs)])
        scores, best = ops.top_k(scores, self.max_outputs)
        best, real = ops.cast(best, "int32"), scores > self.score_threshold
        return {
            "boxes": ops.where(real[..., None], gather_nodes(boxes, best), 0.0),
            "scores": scores,
            "classes": ops.where(real, best // most, -1),
            "num_detections": ops.sum(ops.cast(real, "int32"), -1),
        }

    def _check(self, boxes_shape, scores_shape):
        check_given("scores", scores_shape, "Use `layer(boxes, scores=scores)`.")
        check_shapes(
            boxes=("batch boxes classes 4", boxes_shape),
            scores=("batch boxes classes", scores_shape),
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
            "match_threshold": self.match_threshold,
            "score_threshold": self.score_threshold,
            "max_candidates": self.max_candidates,
        }
