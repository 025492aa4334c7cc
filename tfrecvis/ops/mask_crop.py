"""The part of an instance's mask that a box shows, at a fixed size."""

from keras import ops

from tfrecvis.ops.checks import as_pair
from tfrecvis.ops.shape_checks import check_integer_dtype, check_shapes


def crop_masks(masks, boxes, matches, output_size=28):
    """What a mask head is to say of each box: the mask of its instance, cut out.

        target[i, j] = mask at the pixel that holds the middle of cell (i, j) of the box

    The box is divided into `output_size` cells down and across. A pixel outside the
    image counts as the nearest one inside.

    Reference: He et al., 2017, section 3 (https://arxiv.org/abs/1703.06870).
    Differs from Detectron2: the nearest pixel in place of samples that are averaged and
    rounded.

    Args:
        masks: Tensor `(batch, instances, height, width)`, above 0 where an instance is.
        boxes: Float tensor `(batch, boxes, 4)`, xyxy, pixels of the masks.
        matches: Integer tensor `(batch, boxes)`, the instance of each box.
        output_size: Integer or pair of integers.

    Returns:
        Float32 tensor `(batch, boxes, rows, columns)` of zeros and ones.

    Raises:
        ValueError: The shapes do not fit, or `matches` are no integers.

    Example:

    >>> masks = ops.convert_to_tensor([[[[0, 1, 1, 0], [0, 0, 1, 0]]]])
    >>> boxes = ops.convert_to_tensor([[[0.0, 0.0, 4.0, 2.0]]])
    >>> crop_masks(masks, boxes, ops.zeros((1, 1), "int32"), 2).numpy().tolist()
    [[[[1.0, 0.0], [0.0, 0.0]]]]
    """
    rows, columns = as_pair("output_size", output_size)
    check_integer_dtype("matches", matches)
    check_shapes(
        masks=("batch instances height width", masks),
        boxes=("batch boxes 4", boxes),
        matches=("batch boxes", matches),
    )
    # One more instance, which is nowhere: there may be none at all.
    masks = ops.pad(masks, [(0, 0), (0, 1), (0, 0), (0, 0)])
    batch, instances, height, width = ops.shape(masks)
    boxes = ops.cast(boxes, "float32")
    y = _middles(boxes[..., 1], boxes[..., 3], rows, height)
    x = _middles(boxes[..., 0], boxes[..., 2], columns, width)
    first = ops.arange(batch, dtype="int32")[:, None] * instances
    first = (first + ops.cast(matches, "int32")) * height
    place = ((first[..., None] + y) * width)[..., None] + x[:, :, None, :]
    found = ops.take(ops.reshape(masks, (-1,)), place, axis=0)
    return ops.cast(found > 0, "float32")


def _middles(low, high, cells, size):
    """The pixel that holds the middle of each cell of an axis."""
    share = (ops.arange(cells, dtype="float32") + 0.5) / cells
    middle = low[..., None] + share * (high - low)[..., None]
    return ops.clip(ops.cast(ops.floor(middle), "int32"), 0, size - 1)
