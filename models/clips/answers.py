"""From what is known at every frame of a clip to what the clip is."""

from keras import ops


def real_frames(clips):
    """Which frames of clips are no padding.

    Shorter clips of a batch are filled up with frames of zeros. So a black frame in the
    middle of a clip is passed over, too; the first frame always counts.

    Args:
        clips: Tensor `(batch, frames, height, width, 3)`.

    Returns:
        Boolean tensor `(batch, frames)`.

    Example:

    >>> frames = ops.ones((1, 2, 4, 4, 3)), ops.zeros((1, 1, 4, 4, 3))
    >>> ops.convert_to_numpy(real_frames(ops.concatenate(frames, 1))).tolist()
    [[True, True, False]]
    """
    seen = ops.any(ops.not_equal(clips, 0), (2, 3, 4))
    return ops.concatenate([ops.ones_like(seen[:, :1]), seen[:, 1:]], 1)


def clip_probabilities(logits, real):
    """The mean over the frames of a clip of each frame's probabilities.

        p = sum_t real[t] * softmax(logits[t]) / sum_t real[t]

    Reference: Donahue et al., 2015, section 4 (https://arxiv.org/abs/1411.4389).

    Args:
        logits: Float tensor `(batch, frames, classes)`.
        real: Boolean tensor `(batch, frames)`, True where a frame is no padding.

    Returns:
        float32 tensor `(batch, classes)`.

    Example:

    >>> logits = ops.convert_to_tensor([[[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]])
    >>> real = ops.convert_to_tensor([[True, True, False]])
    >>> ops.convert_to_numpy(clip_probabilities(logits, real)).tolist()
    [[0.75, 0.25]]
    """
    probabilities = ops.softmax(ops.cast(logits, "float32"))
    weights = ops.cast(real, "float32")[..., None]
    return ops.sum(probabilities * weights, 1) / ops.sum(weights, 1)
