"""The regions that a detector's second stage is trained on."""

import keras
from keras import ops

from tfrecvis.ops.box_checks import check_threshold
from tfrecvis.ops.boxes import box_area, pairwise_iou
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.matching import (
    IGNORED,
    POSITIVE,
    drawn_places,
    match_boxes,
    sample_balanced,
)
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.truth import padded_truth


@keras.saving.register_keras_serializable("tfrecvis")
class RegionSamples(keras.layers.Layer):
    """A random few of the regions and of the true boxes, each with its class.

    A region is positive if its IoU with a true box is at least `foreground`, and is
    background below that, down to `background`; of the positives at most
    `num_samples * positive_fraction` are drawn, and background fills the rest up. No
    gradient passes.

    References: Girshick, 2015 (https://arxiv.org/abs/1504.08083), where `background` is
    0.1; Ren et al., 2015 (https://arxiv.org/abs/1506.01497), where it is 0; and their
    published code, which counts true boxes among the regions.

    Args:
        num_samples: Integer, drawn of each image.
        positive_fraction: Number from 0 to 1.
        foreground: Number from 0 to 1.
        background: Number from 0 to `foreground`; a region whose best IoU is lower is
            never drawn.
        seed: Integer or None.

    Call arguments:
        regions: Float tensor `(batch, regions, 4)`, xyxy, absolute pixels; those
            without area are padding.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.

    Input shape: `(batch, regions, 4)`; regions and boxes may be None.
    Output shape: dict of `regions`, float32 `(batch, num_samples, 4)`, positives first;
        `labels`, int32 `(batch, num_samples)`: class + 1, 0 for background and -1 for
        padding; `matches`, int32 `(batch, num_samples)`, the true box of each; and
        `boxes`, float32 `(batch, num_samples, 4)`, these boxes.

    Raises:
        ValueError: A number is out of range, or the shapes do not fit.

    Example:

    >>> regions = [[[0.0, 0, 8, 8], [0, 0, 7, 8], [20, 0, 30, 8]]]
    >>> regions = ops.convert_to_tensor(regions)
    >>> drawn = RegionSamples(4, 0.5)(
    ...     regions, boxes=regions[:, :1], classes=ops.convert_to_tensor([[5]])
    ... )
    >>> ops.convert_to_numpy(drawn["labels"]).tolist()
    [[6, 6, 0, -1]]
    """

    def __init__(
        self,
        num_samples=128,
        positive_fraction=0.25,
        foreground=0.5,
        background=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        check_integer("num_samples", num_samples)
        check_threshold("positive_fraction", positive_fraction)
        check_threshold("foreground", foreground)
        check_threshold("background", background)
        if background > foreground:
            raise ValueError(
                "`background` must be no higher than `foreground`. Received: "
                f"background={background}, foreground={foreground}."
            )
        self.num_samples = num_samples
        self.positive_fraction = positive_fraction
        self.foreground = foreground
        self.background = background
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, regions, boxes, classes):
        self._check(regions, boxes, classes)
        boxes, classes, _ = padded_truth(boxes, classes)
        regions, boxes = (
            ops.stop_gradient(ops.cast(x, "float32")) for x in (regions, boxes)
        )
        real = classes >= 0
        regions = ops.concatenate([boxes, regions], 1)
        iou = pairwise_iou(boxes, regions)
        limits = self.foreground, (self.background, self.foreground)
        matches, labels = match_boxes(iou, real, *limits)
        labels = ops.where(box_area(regions) > 0, labels, IGNORED)
        labels = sample_balanced(
            labels, self.num_samples, self.positive_fraction, self.seed_generator
        )
        places, labels = drawn_places(labels, self.num_samples)
        matches = gather_nodes(matches, places)
        classes = gather_nodes(classes, matches) + 1
        drawn = labels > IGNORED
        return {
            "regions": ops.where(drawn[..., None], gather_nodes(regions, places), 0.0),
            "labels": ops.where(ops.equal(labels, POSITIVE), classes, labels),
            "matches": matches,
            "boxes": gather_nodes(boxes, matches),
        }

    def _check(self, regions, boxes, classes):
        for name, value in (("boxes", boxes), ("classes", classes)):
            check_given(name, value, f"Use `layer(regions, ..., {name}={name})`.")
        check_shapes(
            regions=("batch regions 4", regions),
            boxes=("batch boxes 4", boxes),
            classes=("batch boxes", classes),
        )

    def compute_output_shape(self, regions_shape):
        batch, count = regions_shape[0], self.num_samples
        return {
            "regions": (batch, count, 4),
            "labels": (batch, count),
            "matches": (batch, count),
            "boxes": (batch, count, 4),
        }

    def compute_output_spec(self, regions, boxes, classes):
        self._check(regions, boxes, classes)
        return {
            name: keras.KerasTensor(shape, "float32" if len(shape) == 3 else "int32")
            for name, shape in self.compute_output_shape(regions.shape).items()
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_samples": self.num_samples,
            "positive_fraction": self.positive_fraction,
            "foreground": self.foreground,
            "background": self.background,
            "seed": self.seed,
        }
