"""Losses of attention over the steps of a caption: Xu's penalty and REINFORCE."""

from keras import ops

from tfrecvis.ops.checks import check_number
from tfrecvis.ops.shape_checks import check_shapes


def doubly_stochastic_penalty(alpha, mask=None, location_mask=None):
    """How far each location is from being attended to once in a caption.

        penalty = sum_i (1 - sum_t alpha[t, i])^2

    over the real steps t and the real locations i. Xu et al. add lambda times it to
    the loss of a caption.

    Reference: Xu et al., 2015, eq. 14 (https://arxiv.org/abs/1502.03044).

    Args:
        alpha: Float tensor `(batch, steps, locations)`, or `(batch, steps, height,
            width)`, the attention of each step.
        mask: Boolean tensor `(batch, steps)`, True for a real step, or None.
        location_mask: Boolean tensor `(batch, locations)`, or `(batch, height, width)`,
            True for a real location, or None.

    Returns:
        Float tensor `(batch,)`, float32.

    Raises:
        ValueError: The shapes do not fit.

    Example:

    >>> alpha = ops.convert_to_tensor([[[1.0, 0.0], [0.5, 0.5]]])
    >>> float(doubly_stochastic_penalty(alpha)[0])  # (1 - 1.5)^2 + (1 - 0.5)^2
    0.5
    """
    alpha = ops.cast(alpha, "float32")
    mask, location_mask = _as_mask(mask), _as_mask(location_mask)
    spec = "batch steps locations | batch steps height width"
    check_shapes(alpha=(spec, alpha))
    check_shapes(
        alpha=("batch steps *places", alpha),
        mask=("batch steps", mask),
        location_mask=("batch *places", location_mask),
    )
    axes = tuple(range(1, len(alpha.shape) - 1))
    if mask is not None:
        mask = ops.reshape(mask, (*ops.shape(mask), *[1] * len(axes)))
        alpha = ops.where(mask, alpha, 0.0)
    missed = ops.square(1 - ops.sum(alpha, 1))
    if location_mask is not None:
        missed = ops.where(location_mask, missed, 0.0)
    return ops.sum(missed, axes)


def reinforce_loss(
    log_likelihood,
    log_probability,
    entropy,
    baseline,
    mask=None,
    reinforce_weight=1.0,
    entropy_weight=0.0,
):
    """The loss whose gradient trains hard attention, and the next baseline.

        loss = -(log p(y) + reinforce_weight * [log p(y) - baseline] * log p(s)
                 + entropy_weight * H)
        next baseline = 0.9 * baseline + 0.1 * mean(log p(y))

    No gradient flows through the brackets. log p(s) and H are sums over the real
    steps of what `HardAttention` returns. Over all samples, the mean gradient is that
    of -E[log p(y)] - entropy_weight * H when `reinforce_weight` is 1, whatever the
    baseline: that is why the baseline is the one from before this batch.

    Reference: Xu et al., 2015, section 4.1 (https://arxiv.org/abs/1502.03044). The
    paper does not give its two weights.

    Args:
        log_likelihood: Float tensor `(batch,)`, log p(y) of each caption, in nats.
        log_probability: Float tensor `(batch, steps)`, or `(batch,)` if already summed.
        entropy: Float tensor of the shape of `log_probability`.
        baseline: Scalar, the moving average so far; zero at the start.
        mask: Boolean tensor `(batch, steps)`, True for a real step, or None.
        reinforce_weight: Float, lambda_r of the paper.
        entropy_weight: Float, lambda_e of the paper.

    Returns:
        The loss of each caption `(batch,)`, and the next baseline, a scalar. Keep the
        baseline in a weight that is not trained.

    Raises:
        ValueError: The shapes do not fit, or a weight is negative.

    Example:

    >>> loss, baseline = reinforce_loss([-2.0], [-0.5], [0.7], baseline=-1.0)
    >>> float(loss[0]), round(float(baseline), 6)
    (1.5, -1.1)
    """
    check_number("reinforce_weight", reinforce_weight)
    check_number("entropy_weight", entropy_weight)
    log_likelihood, log_probability, entropy, baseline = (
        ops.cast(x, "float32")
        for x in (log_likelihood, log_probability, entropy, baseline)
    )
    mask = _as_mask(mask)
    summed = len(log_probability.shape) == 1
    spec = "batch" if summed else "batch steps"
    check_shapes(
        log_likelihood=("batch", log_likelihood),
        log_probability=("batch | batch steps", log_probability),
        entropy=(spec, entropy),
        mask=(spec, mask),
        baseline=("", baseline),
    )
    if mask is not None:
        log_probability = ops.where(mask, log_probability, 0.0)
        entropy = ops.where(mask, entropy, 0.0)
    if not summed:
        log_probability, entropy = ops.sum(log_probability, 1), ops.sum(entropy, 1)
    reward = ops.stop_gradient(log_likelihood)
    loss = -(
        log_likelihood
        + reinforce_weight * (reward - ops.stop_gradient(baseline)) * log_probability
        + entropy_weight * entropy
    )
    return loss, ops.stop_gradient(0.9 * baseline + 0.1 * ops.mean(reward))


def _as_mask(mask):
    return None if mask is None else ops.cast(mask, "bool")
