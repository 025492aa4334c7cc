"""LSTMs over the diagonals of an image: lanes are its rows, steps its diagonals."""

from keras import ops

from tfrecvis.ops.lstm import lstm
from tfrecvis.ops.scan import exporting
from tfrecvis.ops.wavefront import skew, unskew


def diagonal_lstm(
    directions, forget_gates=1, stable=False, masked="carry", training=False
):
    """LSTMs whose pixels read the pixel above them and the one to their left.

    All pixels of a diagonal advance at once: `width + height - 1` steps. A diagonal
    crosses few rows at the image's corners and many in its middle; so the steps are cut
    into segments, and each of them runs only the rows that it crosses. Outside the
    image states are zero, but for the column before the first one.

    Args:
        directions: List of `LSTMDirection`, whose `inputs` `(W, H, B, C)` are the
            columns of images of equal sizes, with a kernel and a bias. `h` and `c` are
            the state `(U,)` of the column before the first one, or both None for zeros;
            `mask` is `(W, H, B, 1)`.
        forget_gates: Integer, 1 (the memory to the left is kept) or 2 (both are).
        stable: Whether to use the stable cell of `lstm`.
        masked: What a padded pixel does: `"carry"` passes on the state to its left,
            `"zero"` clears it.
        training: Whether the hand-written backward pass is used.

    Returns:
        List of hidden states `(W, H, B, U)`, one for each direction.

    Example:

    >>> from tfrecvis.ops import LSTMDirection
    >>> direction = LSTMDirection(ops.ones((7, 5, 2, 3)), ops.ones((8, 16)), None, None,
    ...                           kernel=ops.ones((3, 16)), bias=ops.ones(16))
    >>> tuple(diagonal_lstm([direction])[0].shape)
    (7, 5, 2, 4)
    """
    width, rows, _, _ = ops.shape(directions[0].inputs)
    segments = _segments(width, rows)
    columns = [skewed(d) for d in directions]
    states = [(None, None)] * len(directions)
    outputs = [[] for _ in directions]
    ran = 0, 0  # the rows of the segment before
    for steps, low, high in segments:
        part = (steps, slice(low, high)) if len(segments) > 1 else ...
        results = lstm(
            [
                _part(d, part, _handed_on(d, state, ran, (low, high)), steps, rows)
                for d, state in zip(columns, states, strict=True)
            ],
            taps=(-1, 0),
            forget_gates=forget_gates,
            stable=stable,
            masked=masked,
            training=training,
        )
        ran, states = (low, high), [state for _, *state in results]
        for output, (h, *_) in zip(outputs, results, strict=True):
            around = [[0, 0], [low, rows - high], [0, 0], [0, 0]]
            output.append(ops.pad(h, around) if len(segments) > 1 else h)
    if len(segments) > 1:
        outputs = [[ops.concatenate(output, 0)] for output in outputs]
    return [unskew(h, axis=1) for (h,) in outputs]


def _segments(width, rows):
    """`(slice of steps, first row, end of rows)` of each: what its own loop runs.

    More segments waste less, and take longer to compile. A step reads the states of one
    row more than it crosses: the one before the first.
    """
    steps = width + rows - 1
    known = isinstance(width, int) and isinstance(rows, int)
    if not known or exporting() or steps < 16:
        return [(slice(0, steps), 0, rows)]
    count = 4 if steps < 64 else 8
    bounds = [round(steps * k / count) for k in range(count + 1)]
    return [
        (slice(start, stop), max(0, start - width), min(rows, stop))
        for start, stop in zip(bounds[:-1], bounds[1:], strict=True)
    ]


def skewed(direction):
    """Diagonals as columns `(W + H - 1, H, B, C + 1)`, the bias as a row of the kernel.

    The bias is one more channel, which is zero outside the image: there the gates are
    zero then, and with them the states. A bias after the skewing would leak.
    """
    x, mask = direction.inputs, direction.mask
    return direction._replace(
        inputs=skew(ops.concatenate([x, ops.ones_like(x[..., :1])], -1), axis=1),
        kernel=ops.concatenate([direction.kernel, direction.bias[None]], 0),
        bias=None,
        mask=None if mask is None else skew(ops.cast(mask, x.dtype), axis=1),
    )


def _part(direction, part, state, steps, rows):
    """What one segment runs of a skewed direction."""
    x, mask = direction.inputs[part], direction.mask
    if mask is not None:
        mask = mask[part]
    elif direction.h is not None and (steps.start == 0 or steps.start < rows):
        # Until its first pixel, a row keeps the state of the column before it.
        mask = x[..., -1:]  # the channel of the bias: one inside the image
    h, c = state
    return direction._replace(inputs=x, mask=mask, h=h, c=c)


def _handed_on(direction, states, ran, now):
    """h and c of the rows `now`: those of the rows that `ran`, and new rows' first."""
    units = direction.recurrent_kernel.shape[0] // 2
    shape = (now[1] - ran[1], ops.shape(direction.inputs)[2], units)
    handed_on = []
    for state, first in zip(states, (direction.h, direction.c), strict=True):
        dtype = direction.inputs.dtype if state is None else state.dtype
        if first is None:
            new = ops.zeros(shape, dtype)
        else:
            new = ops.broadcast_to(ops.cast(first, dtype), shape)
        old = None if state is None else state[now[0] - ran[0] :]
        handed_on.append(new if old is None else ops.concatenate([old, new], 0))
    return handed_on
