"""Masks of boxes back into their image."""

from keras import ops

from tfrecvis.ops.box_checks import check_boxes
from tfrecvis.ops.shape_checks import check_shapes


def paste_masks(masks, boxes, height, width):
    """Each mask, stretched over its box, in an image of zeros.

        v = (y + 1/2 - y1) / (y2 - y1) * rows - 1/2        columns likewise
        image[y, x] = bilinear(mask at (v, u)), the mask being zero outside

    The mask's own border fades over a pixel of the mask, so that at a threshold of 1/2
    a full mask fills its box, but for rounded corners. A box without area gets no mask.
    Memory is that of the output; take few boxes of a large image at a time.

    Reference: Detectron2's `paste_masks_in_image`; He et al., 2017, section 3.1
    (https://arxiv.org/abs/1703.06870).

    Args:
        masks: Float tensor `(..., rows, columns)`, probabilities.
        boxes: Float tensor `(..., 4)`, xyxy, pixels of the image.
        height: Integer or scalar tensor, of the image.
        width: Integer or scalar tensor, of the image.

    Returns:
        Float tensor `(..., height, width)`.

    Raises:
        ValueError: Masks and boxes do not fit, or boxes are not xyxy in pixels.

    Example:

    >>> image = paste_masks(ops.ones((1, 2, 2)), [[1.0, 0.0, 3.0, 2.0]], 2, 4)
    >>> image.numpy()[0].tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    masks, boxes = ops.convert_to_tensor(masks), ops.convert_to_tensor(boxes)
    check_shapes(masks=("*any rows columns", masks), boxes=("*any 4", boxes))
    check_boxes("boxes", boxes, "*any 4", pixels=True)
    rows, columns = ops.shape(masks)[-2:]
    boxes = ops.cast(boxes, "float32")
    down = _weights(boxes[..., 1], boxes[..., 3], height, rows)
    across = _weights(boxes[..., 0], boxes[..., 2], width, columns)
    masks = ops.matmul(ops.cast(down, masks.dtype), masks)
    return ops.matmul(masks, ops.swapaxes(ops.cast(across, masks.dtype), -1, -2))


def _weights(low, high, size, cells):
    """Weight of each cell of the mask in each pixel of one axis."""
    pixels = ops.arange(size, dtype="float32") + 0.5
    length = (high - low)[..., None]
    some = length > 0
    share = (pixels - low[..., None]) / ops.where(some, length, 1.0)
    place = share * ops.cast(cells, "float32") - 0.5
    away = ops.abs(place[..., None] - ops.arange(cells, dtype="float32"))
    return ops.where(some[..., None], ops.relu(1.0 - away), 0.0)
