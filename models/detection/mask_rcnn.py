"""Mask R-CNN: Faster R-CNN with a mask for each box."""

from tfrecvis.models.detection.two_stage import build_two_stage
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_integer


@with_presets
def MaskRCNN(
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
    mask_filters=64,
    max_proposals=200,
    max_detections=100,
    score_threshold=0.05,
    input_shape=(None, None, 3),
    name="mask_rcnn",
):
    """Mask R-CNN: Faster R-CNN with a mask for each box.

    As `FasterRCNN`; convolutions over the features under each detection tell, for its
    class, which of 28x28 cells of its box belong to the object.
    `tfrecvis.ops.paste_masks` puts them into an image, and so does the signature.

    Reference: He et al., 2017 (https://arxiv.org/abs/1703.06870).
    Differs from the paper: two convolutions in place of four in the mask head, and the
    context.

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
        mask_filters: Positive integer, channels of the mask head.
        max_proposals: Positive integer, regions of an image that the second stage sees.
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, from which a region is a detection.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: dict as that of `FasterRCNN`, and `masks`, float32 `(batch,
    max_detections, 28, 28)`, probabilities in the frame of each box.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> import keras
    >>> model = MaskRCNN(3, [16, 32], backbone_filters=(8, 8, 16),
    ...                  backbone_blocks=(0, 0, 0), max_detections=5)
    >>> tuple(model(keras.ops.zeros((1, 60, 80, 3)))["masks"].shape)
    (1, 5, 28, 28)
    """
    check_integer("mask_filters", mask_filters)
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
        mask_filters,
        max_proposals,
        max_detections,
        score_threshold,
        input_shape,
        name,
    )
