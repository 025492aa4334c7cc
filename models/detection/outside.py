"""Boxes that lie outside their image: cut to it, they have no area."""

from keras import ops


def without_outsiders(scores, boxes):
    """Scores that are 0 where a box has no area.

    Args:
        scores: Float tensor `(..., classes)`.
        boxes: Float tensor `(..., 4)`, xyxy, cut to the image.

    Returns:
        Tensor like the scores.

    Example:

    >>> boxes = ops.convert_to_tensor([[0.0, 2.0, 0.0, 9.0], [0.0, 2.0, 1.0, 9.0]])
    >>> without_outsiders(ops.ones((2, 1)), boxes).numpy().tolist()
    [[0.0], [1.0]]
    """
    real = ops.all(boxes[..., 2:] > boxes[..., :2], axis=-1, keepdims=True)
    return scores * ops.cast(real, scores.dtype)
