"""From what a region proposal network says of its anchors to proposals."""

import keras
from keras import ops

from tfrecvis.ops.box_checks import check_threshold
from tfrecvis.ops.boxes import clip_boxes, decode_boxes
from tfrecvis.ops.checks import check_given, check_integer, check_number
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.suppression import LOWEST, suppress, take_kept


@keras.saving.register_keras_serializable("tfrecvis")
class RegionProposals(keras.layers.Layer):
    """The likeliest boxes of a region proposal network, without those that overlap.

    Of the anchors with the highest objectness, `max_candidates` in number, the deltas
    make boxes (`tfrecvis.ops.decode_boxes`), which are cut to the image. Those with a
    side below `min_size` are left out, and suppression keeps the best `max_outputs`.
    No gradient passes: proposals are constants to the second stage.

    Reference: Ren et al., 2015, section 3.3 (https://arxiv.org/abs/1506.01497).
    Differs from feature pyramids as Detectron2 has them: candidates are picked, and
    suppressed, among all maps together.

    Args:
        max_outputs: Integer, proposals of an image.
        max_candidates: Integer, boxes that are looked at before suppression.
        iou_threshold: Number from 0 to 1.
        min_size: Number, pixels.

    Call arguments:
        logits: Float tensor `(batch, anchors)`, of the probability of an object.
        deltas: Float tensor `(batch, anchors, 4)`.
        anchors: Float tensor `(anchors, 4)`, xyxy, absolute pixels.
        images: Tensor `(batch, height, width, channels)`, of which only the size is
            read.

    Input shape: `(batch, anchors)`; anchors may be None.
    Output shape: `(batch, max_outputs, 4)`, float32, xyxy, absolute pixels, the
        likeliest first; padding is zero.

    Raises:
        ValueError: A number is out of range, or the shapes do not fit.

    Example:

    >>> anchors = [[0.0, 0, 8, 8], [0, 0, 8, 7], [9, 0, 13, 9]]
    >>> layer = RegionProposals(max_outputs=3)
    >>> boxes = layer(
    ...     ops.convert_to_tensor([[2.0, 1.0, 0.0]]),
    ...     deltas=ops.zeros((1, 3, 4)),
    ...     anchors=ops.convert_to_tensor(anchors),
    ...     images=ops.zeros((1, 8, 12, 3)),
    ... )
    >>> ops.convert_to_numpy(boxes)[0].astype(int).tolist()
    [[0, 0, 8, 8], [9, 0, 12, 8], [0, 0, 0, 0]]
    """

    def __init__(
        self,
        max_outputs=300,
        max_candidates=2000,
        iou_threshold=0.7,
        min_size=1.0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_integer("max_outputs", max_outputs)
        check_integer("max_candidates", max_candidates)
        check_threshold("iou_threshold", iou_threshold)
        check_number("min_size", min_size)
        self.max_outputs = max_outputs
        self.max_candidates = max_candidates
        self.iou_threshold = iou_threshold
        self.min_size = min_size

    def call(self, logits, deltas, anchors, images):
        self._check(logits, deltas, anchors, images)
        logits, deltas = (
            ops.stop_gradient(ops.cast(x, "float32")) for x in (logits, deltas)
        )
        # One more anchor, which is no candidate: there may be none at all.
        logits = ops.pad(logits, [(0, 0), (0, 1)], constant_values=LOWEST)
        deltas = ops.pad(deltas, [(0, 0), (0, 1), (0, 0)])
        anchors = ops.pad(ops.cast(anchors, "float32"), [(0, 1), (0, 0)])
        count = ops.shape(logits)[1]
        smaller = min if isinstance(count, int) else ops.minimum
        logits, best = ops.top_k(logits, smaller(count, self.max_candidates))
        best = ops.cast(best, "int32")
        boxes = decode_boxes(gather_nodes(deltas, best), ops.take(anchors, best, 0))
        _, height, width, _ = ops.shape(images)
        boxes = clip_boxes(boxes, height, width)
        sides = boxes[..., 2:] - boxes[..., :2]
        big = ops.all((sides >= self.min_size) & (sides > 0), -1)
        scores = ops.where(big & (logits > LOWEST), ops.sigmoid(logits), -1.0)
        kept = suppress(boxes, scores, self.max_outputs, self.iou_threshold, -0.5)
        return take_kept(kept, boxes)

    def _check(self, logits, deltas, anchors, images):
        for name, value in (
            ("deltas", deltas),
            ("anchors", anchors),
            ("images", images),
        ):
            check_given(name, value, f"Use `layer(logits, ..., {name}={name})`.")
        check_shapes(
            logits=("batch anchors", logits),
            deltas=("batch anchors 4", deltas),
            anchors=("anchors 4", anchors),
            images=("batch height width channels", images),
        )

    def compute_output_shape(self, logits_shape):
        return (logits_shape[0], self.max_outputs, 4)

    def compute_output_spec(self, logits, deltas, anchors, images):
        self._check(logits, deltas, anchors, images)
        return keras.KerasTensor(self.compute_output_shape(logits.shape), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "max_outputs": self.max_outputs,
            "max_candidates": self.max_candidates,
            "iou_threshold": self.iou_threshold,
            "min_size": self.min_size,
        }
