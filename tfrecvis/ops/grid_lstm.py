"""Grid LSTM: blocks with one LSTM per dimension, run as a wavefront over a grid."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.scan import scan
from tfrecvis.ops.stencil import project, shift
from tfrecvis.ops.wavefront import skew, unskew

PLAIN_TRANSFORMS = {"identity": lambda z: z, "relu": ops.relu, "tanh": ops.tanh}


class GridWeights(NamedTuple):
    """The weights of a block, one entry per dimension: grid axes, then depth.

    With a leading axis of `depth` in all of them, each depth position has its own.

    Fields:
        transforms: Tuple of `"lstm"`, `"identity"`, `"relu"` or `"tanh"`.
        kernels: List of tensors `(N * U, 4 * U)`, gates i, f, g, o; `(N * U, U)` where
            the transform is plain.
        biases: List of tensors `(4 * U,)` or `(U,)`.
        peepholes: List of tensors `(3 * U,)` for the gates i, f, o, or None where the
            transform is plain; or None.
        priority: Tuple of the dimensions that run last.
        output_gate: `"inside"`, `h = tanh(o * m)`, or `"outside"`, `h = o * tanh(m)`.

    Example:

    >>> GridWeights(("lstm",), [ops.ones((3, 12))], [ops.zeros(12)]).output_gate
    'inside'
    """

    transforms: tuple
    kernels: list
    biases: list
    peepholes: list | None = None
    priority: tuple = ()
    output_gate: str = "inside"


def grid_lstm(inputs, memories, weights, depth, initial_state=None, mask=None):
    """A Grid LSTM over a grid of any rank, and over a depth of several layers.

    Position (t, j, .., l) runs at step t + j + .. + l, together with all others of that
    sum: `T + J + .. + depth - R` steps for a grid of R axes. The memories are kept in
    float32 under every precision policy, since they sum over steps.

    Args:
        inputs: Float tensor `(T, B, J, .., U)`: hidden states of the depth dimension
            before the first layer, first grid axis first. `(B, U)` without a grid.
        memories: Float tensor of the shape of `inputs`, their memories; None where the
            depth has a plain transform.
        weights: `GridWeights`.
        depth: Integer, layers.
        initial_state: List `[h, m]` of tensors `(depth, B, J, .., U)`, the state of the
            first grid axis before its first position; `[h]` where its transform is
            plain. Zeros if None.
        mask: Boolean tensor `(T, B, J, ..)`, False where a block passes its states on
            unchanged; or None.

    Returns:
        Hidden states of the depth dimension after the last layer, in the shape of
        `inputs`, and the last state of the first grid axis, as `initial_state`; it is
        empty without a grid.

    Reference: Kalchbrenner et al., 2015 (https://arxiv.org/abs/1507.01526).

    Example:

    >>> kernels, biases = [ops.ones((6, 12))] * 2, [ops.zeros(12)] * 2
    >>> weights = GridWeights(("lstm", "lstm"), kernels, biases)
    >>> h, state = grid_lstm(ops.ones((5, 1, 3)), ops.ones((5, 1, 3)), weights, depth=4)
    >>> tuple(h.shape), [tuple(s.shape) for s in state]
    ((5, 1, 3), [(4, 1, 3), (4, 1, 3)])
    """
    if len(inputs.shape) == 2:
        return _without_grid(inputs, memories, weights, depth), []
    dtype, rank = inputs.dtype, len(weights.transforms) - 1
    stages = _stages(weights, rank + 2, dtype)
    recurrent = [transform == "lstm" for transform in weights.transforms]
    edge = [inputs] if memories is None else [inputs, memories]
    valid = ops.ones_like(inputs[:, :1, ..., 0]) if mask is None else mask
    valid = ops.cast(valid, dtype)
    for axis in range(2, rank + 1):
        edge = [skew(x, axis) for x in edge]
        valid = skew(valid, axis)
    edge = [ops.pad(x, [[0, depth - 1], *[[0, 0]] * (rank + 1)]) for x in edge]
    # Each layer is one step behind the one before it: (S, depth, B, J, .., 1)
    valid = skew(ops.concatenate([valid[:, None]] * depth, 1), 1)[..., None] > 0.5

    lanes = (depth, *ops.shape(inputs)[1:])
    start = [ops.zeros(lanes, dtype)] * (rank + 1)
    start += [ops.zeros(lanes, "float32") for is_lstm in recurrent if is_lstm]
    first = [0, rank + 1] if recurrent[0] else [0]  # the state of the first axis
    if initial_state is not None:
        for n, state in zip(first, initial_state, strict=True):
            start[n] = ops.cast(state, start[n].dtype)

    def arriving(states, dimension, edge):
        """What each block takes from the block before it in a dimension."""
        if dimension == 0:
            return states
        if dimension < rank:
            return shift(states, -1, 1 + dimension)
        edge = ops.cast(edge, states.dtype)[None]
        return edge if depth == 1 else ops.concatenate([edge, states[:-1]], 0)

    # Which dimension each tensor of the carry belongs to: hidden states, memories.
    owners = [*range(rank + 1), *(k for k in range(rank + 1) if recurrent[k])]

    def step(carry, xs):
        *edge, valid = xs
        edge = [edge[0]] * (rank + 1) + [edge[-1]] * sum(recurrent)
        old = [arriving(*a) for a in zip(carry, owners, edge, strict=True)]
        new = _block(old, stages, weights, dtype)
        # Before its start and after its end a lane keeps the state of the first axis;
        # nothing inside the grid reads its other states.
        new = [
            ops.where(valid, after, before) if mask is not None or k == 0 else after
            for k, before, after in zip(owners, old, new, strict=True)
        ]
        return tuple(new), (new[rank][-1],)

    carry, (h,) = scan(step, tuple(start), (*edge, valid), like=(inputs[0],))
    h = h[depth - 1 :]
    for axis in range(rank, 1, -1):
        h = unskew(h, axis)
    return h, [carry[n] for n in first]


def _without_grid(h, m, weights, depth):
    """The depth is the only dimension, and the one that is scanned."""
    stages = _stages(weights, 3, h.dtype)
    tied = len(weights.kernels[0].shape) == 2
    carry = (h[None],) if m is None else (h[None], ops.cast(m, "float32")[None])

    def step(carry, xs):
        own = stages if tied else [_slice_of(stages[0], xs)]
        return tuple(_block(list(carry), own, weights, h.dtype)), ()

    stage = stages[0]
    tensors = [stage.kernel, stage.bias, stage.peepholes]
    xs = (ops.zeros(depth),) if tied else tuple(x for x in tensors if x is not None)
    return scan(step, carry, xs)[0][0][0]


class _Stage(NamedTuple):
    """Dimensions that are updated at once: one matrix product."""

    recurrent: tuple
    plain: tuple
    kernel: object
    bias: object
    peepholes: object


def _slice_of(stage, tensors):
    kernel, bias, *peepholes = (x[None] for x in tensors)
    return stage._replace(
        kernel=kernel, bias=bias, peepholes=peepholes[0] if peepholes else None
    )


def _stages(weights, rank, dtype):
    """A block's stages in their order; `rank` is that of a state, depth first."""
    dimensions = range(len(weights.transforms))
    groups = [
        [k for k in dimensions if k not in weights.priority],
        [k for k in dimensions if k in weights.priority],
    ]

    def packed(values, gates, recurrent, plain=()):
        # Gate by gate, so that all dimensions share their pointwise work.
        split = [ops.split(values[k], gates, -1) for k in recurrent]
        parts = [gate for gates in zip(*split, strict=True) for gate in gates]
        return ops.concatenate([*parts, *(values[k] for k in plain)], -1)

    def vector(x):
        """Of each layer, beside states `(depth, B, J, .., U)`; or of all layers."""
        x = ops.cast(x, "float32")
        if len(x.shape) == 1:
            return x
        return ops.reshape(x, (x.shape[0], *[1] * (rank - 2), x.shape[1]))

    stages = []
    for group in filter(None, groups):
        recurrent = tuple(k for k in group if weights.transforms[k] == "lstm")
        plain = tuple(k for k in group if k not in recurrent)
        peepholes = None
        if weights.peepholes is not None and recurrent:
            peepholes = vector(packed(weights.peepholes, 3, recurrent))
        kernel = ops.cast(packed(weights.kernels, 4, recurrent, plain), dtype)
        bias = vector(packed(weights.biases, 4, recurrent, plain))
        stages.append(_Stage(recurrent, plain, kernel, bias, peepholes))
    return stages


def _product(x, kernel):
    if len(kernel.shape) == 2:
        return project(x, kernel)
    rows = ops.matmul(ops.reshape(x, (kernel.shape[0], -1, x.shape[-1])), kernel)
    return ops.reshape(rows, (*ops.shape(x)[:-1], kernel.shape[-1]))


def _block(arriving, stages, weights, dtype):
    """All dimensions of all blocks of one step; states as in the carry."""
    num_dimensions = len(weights.transforms)
    hidden = list(arriving[:num_dimensions])
    recurrent = [k for k, name in enumerate(weights.transforms) if name == "lstm"]
    memories = dict(zip(recurrent, arriving[num_dimensions:], strict=True))
    for stage in stages:
        units, count = hidden[0].shape[-1], len(stage.recurrent)
        z = _product(ops.concatenate(hidden, -1), stage.kernel)
        z = ops.cast(z, "float32") + stage.bias
        if count:
            ends = [count * units * k for k in (1, 2, 3, 4)]
            i, f, g, o, *z = ops.split(z, ends if stage.plain else 4, -1)
            c = ops.concatenate([memories[k] for k in stage.recurrent], -1)
            if stage.peepholes is not None:
                p_i, p_f, p_o = ops.split(stage.peepholes, 3, -1)
                i, f = i + p_i * c, f + p_f * c
            c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            o = ops.sigmoid(o if stage.peepholes is None else o + p_o * c)
            h = ops.tanh(o * c) if weights.output_gate == "inside" else o * ops.tanh(c)
            h = ops.split(ops.cast(h, dtype), count, -1)
            c = ops.split(c, count, -1)
            for k, new_h, new_c in zip(stage.recurrent, h, c, strict=True):
                hidden[k], memories[k] = new_h, new_c
        if stage.plain:
            z = z[0] if count else z  # what the gates left
            parts = ops.split(z, len(stage.plain), -1)
            for k, part in zip(stage.plain, parts, strict=True):
                transform = PLAIN_TRANSFORMS[weights.transforms[k]]
                hidden[k] = ops.cast(transform(part), dtype)
    return [*hidden, *(memories[k] for k in recurrent)]
