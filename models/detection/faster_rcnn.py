"""Faster R-CNN: proposals, then a class and a box for each of them."""

from tfrecvis.models.detection.two_stage import build_two_stage
from tfrecvis.models.presets import with_presets


@with_presets
def FasterRCNN(
    num_classes,
    anchor_sizes,
    anchor_ratios=(0.5, 1.0, 2.0),
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    neck="fpn",
    neck_filters=64,
    head_units=128,
    max_proposals=200,
    max_detections=100,
    score_threshold=0.05,
    input_shape=(None, None, 3),
    name="faster_rcnn",
):
    """Faster R-CNN: proposals, then a class and a box for each of them.

    The backbone makes maps, layers of recurrent context sweep over the coarsest one,
    and a pyramid carries what they know to the finer ones. A small network moves
    anchors into proposals; the features under each proposal tell its class, or that it
    is background, and its box anew. Suppression class by class is part of the model.
    `fit` trains it by `tfrecvis.models.detection.two_stage_trainer(model)`.

    References: Ren et al., 2015 (https://arxiv.org/abs/1506.01497); for the pyramid Lin
    et al., 2017 (https://arxiv.org/abs/1612.03144).
    Differs from the papers: the context, and batch normalisation in the pyramid.

    Args:
        num_classes: Positive integer; the background is not counted.
        anchor_sizes: List of numbers, or of lists of as many numbers each time, for
            each map of the pyramid, the finest first: the square roots of the anchors'
            areas in pixels. The pyramid has as many maps as the list has entries: the
            backbone's last ones.
        anchor_ratios: List of numbers, height over width.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        neck: `"fpn"`, a pyramid of maps; or `"c4"`, only the coarsest map, with
            anchors of all sizes, and convolutions as head.
        neck_filters: Positive integer, channels of each map.
        head_units: Positive integer, units of the head that tells classes and boxes.
        max_proposals: Positive integer, regions of an image that the second stage sees.
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, from which a region is a detection.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: dict of `boxes` `(batch, max_detections, 4)`, xyxy, absolute pixels of
    the images, padded with zeros; `scores` `(batch, max_detections)`, the highest
    first; `classes` `(batch, max_detections)`, int32, padded with -1; and
    `num_detections` `(batch,)`, int32.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> import keras
    >>> model = FasterRCNN(3, [16, 32], backbone_filters=(8, 8, 16),
    ...                    backbone_blocks=(0, 0, 0), max_detections=5)
    >>> found = model(keras.ops.zeros((1, 60, 80, 3)))
    >>> tuple(found["boxes"].shape)
    (1, 5, 4)
    """
    return build_two_stage(
        num_classes,
        anchor_sizes,
        anchor_ratios,
        backbone,
        weights,
        backbone_filters,
        backbone_blocks,
        context,
        units,
        num_layers,
        cell,
        dropout,
        neck,
        neck_filters,
        head_units,
        None,
        max_proposals,
        max_detections,
        score_threshold,
        input_shape,
        name,
    )
