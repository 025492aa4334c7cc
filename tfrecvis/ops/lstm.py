"""LSTM recurrences along the leading axis, whose lanes may read their neighbours."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.scan import Track, custom_gradient, scan_together
from tfrecvis.ops.stencil import (
    blend,
    gather_taps,
    project,
    recurrent_gradient,
    scatter_taps,
    shift,
)


class LSTMDirection(NamedTuple):
    """One direction of `lstm`.

    Fields:
        inputs: Float tensor `(T, ..., L, G * U)`, the input projections with the bias:
            gates i, f (one, or one a tap), g, o.
        recurrent_kernel: Float tensor `(taps * U, G * U)`.
        h: Float tensor `(..., L, U)`, hidden state before the first step.
        c: Float tensor `(..., L, U)`, cell state before the first step.
        peepholes: Float tensor `(3, U)` for the gates i, f, o; or None.
        mask: Tensor `(T, ..., L, 1)`, one for a real step and zero for a padded one; or
            None.
        reverse: Whether to run from the last step to the first.
    """

    inputs: object
    recurrent_kernel: object
    h: object
    c: object
    peepholes: object = None
    mask: object = None
    reverse: bool = False


def lstm(directions, taps=(0,), forget_gates=1, masked="carry", training=False):
    """LSTMs over the leading axis, each lane reading the previous step's neighbours.

    With `R . h` the products of the neighbours' hidden states at `taps`, side by side:

        i, f, g, o = split(inputs[t] + R . h[t-1])
        i, f = sigmoid(i + p_i * c[t-1]), sigmoid(f + p_f * c[t-1])
        c[t] = f * c[t-1] + i * tanh(g)
        h[t] = sigmoid(o + p_o * c[t]) * tanh(c[t])

    With one forget gate a tap (Graves et al., 2007), `c[t] = sum_k f_k * c_k + i * g`,
    where `c_k` is the neighbour's memory. All directions advance in one loop. The cell
    state is kept in float32 under every precision policy, since it sums over steps.

    Args:
        directions: List of `LSTMDirection`.
        taps: Tuple of integers: the lanes that a lane reads, relative to its own.
        forget_gates: Integer, 1 or `len(taps)`.
        masked: What a padded step does: `"carry"` keeps the state, `"zero"` clears it.
        training: Whether to keep the gates for the hand-written backward pass. Without
            it, nothing is kept, and automatic differentiation still works.

    Returns:
        List of `(h, last_h, last_c)`, one for each direction: hidden states
        `(T, ..., L, U)` and the states after the last step.

    Raises:
        ValueError: `forget_gates`, `masked` or a shape does not fit.

    Reference: Hochreiter & Schmidhuber, 1997; Gers et al., 2002 (peepholes); Graves et
    al., 2007 (https://arxiv.org/abs/0705.2011).

    Example:

    >>> x, kernel, zeros = ops.ones((5, 2, 12)), ops.ones((3, 12)), ops.zeros((2, 3))
    >>> h, last_h, last_c = lstm([LSTMDirection(x, kernel, zeros, zeros)])[0]
    >>> tuple(h.shape), tuple(last_h.shape)
    ((5, 2, 3), (2, 3))
    """
    taps = tuple(taps)
    if masked not in ("carry", "zero"):
        raise ValueError(
            f"`masked` must be 'carry' or 'zero'. Received: masked={masked!r}."
        )
    if forget_gates not in (1, len(taps)):
        raise ValueError(
            "`forget_gates` must be 1 or one a tap. Received: "
            f"forget_gates={forget_gates}, taps={taps}."
        )
    cells = [
        _Cell(direction, taps, forget_gates, masked == "carry")
        for direction in directions
    ]
    if not training:
        tracks = [cell.forward(*cell.tensors, save=False) for cell in cells]
        return [
            cell.outputs(result)
            for cell, result in zip(cells, scan_together(tracks), strict=True)
        ]
    return _saved_lstm(cells)


def _saved_lstm(cells):
    """The recurrence with the hand-written backward pass."""
    counts = [len(cell.tensors) for cell in cells]

    def split(flat):
        flat = list(flat)
        return [[flat.pop(0) for _ in range(count)] for count in counts]

    @custom_gradient
    def run(*flat):
        tensors = split(flat)
        results = scan_together(
            [cell.forward(*t) for cell, t in zip(cells, tensors, strict=True)]
        )
        outputs = [
            cell.outputs(result) for cell, result in zip(cells, results, strict=True)
        ]

        def backward(*upstream):
            upstream = [upstream[3 * k : 3 * k + 3] for k in range(len(cells))]
            tracks = [
                cell.backward(*given, du)
                for cell, given, du in zip(
                    cells, zip(tensors, results, strict=True), upstream, strict=True
                )
            ]
            gradients = []
            for cell, t, result, back in zip(
                cells, tensors, results, scan_together(tracks), strict=True
            ):
                gradients += cell.gradients(t, result, back)
            return tuple(gradients)

        return tuple(o for triple in outputs for o in triple), backward

    flat = run(*(t for cell in cells for t in cell.tensors))
    return [tuple(flat[3 * k : 3 * k + 3]) for k in range(len(cells))]


class _Cell:
    """Step, backward step and gradients of one direction."""

    def __init__(self, direction, taps, forget_gates, carry_masked):
        self.taps, self.forget_gates = taps, forget_gates
        self.carry_masked, self.reverse = carry_masked, direction.reverse
        self.has_peepholes = direction.peepholes is not None
        self.has_mask = direction.mask is not None
        self.units = direction.h.shape[-1]
        self.dtype = direction.inputs.dtype
        self._check(direction)
        optional = [
            ops.cast(x, "float32")
            for x in (direction.peepholes, direction.mask)
            if x is not None
        ]
        self.tensors = [
            ops.convert_to_tensor(direction.inputs),
            ops.cast(direction.recurrent_kernel, self.dtype),
            ops.cast(direction.h, self.dtype),
            ops.cast(direction.c, "float32"),
            *optional,
        ]

    def _check(self, direction):
        gates = (3 + self.forget_gates) * self.units
        kernel = (len(self.taps) * self.units, gates)
        if direction.inputs.shape[-1] != gates:
            raise ValueError(
                f"`inputs` must hold {3 + self.forget_gates} gates of "
                f"{self.units} units in its last axis, {gates} in all. "
                f"Received: inputs.shape={tuple(direction.inputs.shape)}."
            )
        if tuple(direction.recurrent_kernel.shape) != kernel:
            raise ValueError(
                f"`recurrent_kernel` must have shape {kernel} for taps={self.taps} "
                f"and {self.units} units. Received: recurrent_kernel.shape="
                f"{tuple(direction.recurrent_kernel.shape)}."
            )
        if self.has_peepholes and self.forget_gates != 1:
            raise ValueError(
                "Peepholes are defined for one forget gate only. Received: "
                f"forget_gates={self.forget_gates}. Pass peepholes=None."
            )

    def _unpack(self, tensors):
        z, kernel, h0, c0, *rest = tensors
        peepholes = rest.pop(0) if self.has_peepholes else None
        mask = rest.pop(0) if self.has_mask else None
        return z, kernel, h0, c0, peepholes, mask

    def _memories(self, c):
        """The memory that each forget gate keeps."""
        return [shift(c, tap) for tap in self.taps] if self.forget_gates > 1 else [c]

    def _remember(self, gates, c):
        i, *f, g, _ = gates
        kept = [a * b for a, b in zip(f, self._memories(c), strict=True)]
        return sum(kept[1:], kept[0]) + i * g

    def forward(self, *tensors, save=True):
        z, kernel, h0, c0, peepholes, mask = self._unpack(tensors)
        p = None if peepholes is None else [peepholes[k] for k in range(3)]

        def step(carry, x):
            h, c = carry
            m = x[1] if self.has_mask else None
            z = x[0] + project(gather_taps(h, self.taps), kernel)
            i, *f, g, o = ops.split(ops.cast(z, "float32"), 3 + self.forget_gates, -1)
            if p:
                i, f = i + p[0] * c, [f[0] + p[1] * c]
            i, f, g = ops.sigmoid(i), [ops.sigmoid(k) for k in f], ops.tanh(g)
            new_c = self._remember((i, *f, g, None), c)
            o = ops.sigmoid(o + p[2] * new_c if p else o)
            new_h = ops.cast(o * ops.tanh(new_c), self.dtype)
            new_h = blend(m, new_h, h if self.carry_masked else None)
            new_c = blend(m, new_c, c if self.carry_masked else None)
            if not save:
                return (new_h, new_c), (new_h,)
            gates = ops.cast(ops.concatenate([i, *f, g, o], -1), self.dtype)
            return (new_h, new_c), (new_h, c, gates)

        xs = (z,) if mask is None else (z, mask)
        like = (h0, c0, z[0]) if save else (h0,)
        return Track(step, (h0, c0), xs, like, self.reverse)

    def outputs(self, result):
        (last_h, last_c), saved = result
        return saved[0], last_h, last_c

    def backward(self, tensors, result, upstream):
        z, kernel, h0, c0, peepholes, mask = self._unpack(tensors)
        _, c_before, gates = result[1]
        dh_all, dh_last, dc_last = upstream
        kernel_t = ops.transpose(kernel)
        p = None if peepholes is None else [peepholes[k] for k in range(3)]

        def step(carry, x):
            dh_t, gates, c, *m = x
            dh, dc = carry[0] + ops.cast(dh_t, "float32"), carry[1]
            i, *f, g, o = ops.split(
                ops.cast(gates, "float32"), 3 + self.forget_gates, -1
            )
            rest_h = rest_c = None
            if m:
                if self.carry_masked:
                    rest_h, rest_c = (1 - m[0]) * dh, (1 - m[0]) * dc
                dh, dc = m[0] * dh, m[0] * dc
            tanh_c = ops.tanh(self._remember((i, *f, g, o), c))
            dz_o = dh * tanh_c * o * (1 - o)
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            if p:
                dc = dc + dz_o * p[2]
            dz_i = dc * g * i * (1 - i)
            dz_f = [
                dc * memory * k * (1 - k)
                for memory, k in zip(self._memories(c), f, strict=True)
            ]
            dz_g = dc * i * (1 - g * g)
            dz = ops.concatenate([dz_i, *dz_f, dz_g, dz_o], -1)
            dz = ops.cast(dz, self.dtype)
            dh = ops.cast(scatter_taps(project(dz, kernel_t), self.taps), "float32")
            if self.forget_gates > 1:
                dc = sum(
                    shift(dc * k, -tap) for k, tap in zip(f, self.taps, strict=True)
                )
            else:
                dc = dc * f[0]
            if p:
                dc = dc + dz_i * p[0] + dz_f[0] * p[1]
            if rest_h is not None:
                dh, dc = dh + rest_h, dc + rest_c
            return (dh, dc), (dz,)

        carry = (ops.cast(dh_last, "float32"), ops.cast(dc_last, "float32"))
        xs = (dh_all, gates, c_before) + (() if mask is None else (mask,))
        return Track(step, carry, xs, (z[0],), not self.reverse)

    def gradients(self, tensors, result, back):
        """Gradients of `tensors`: those that do not need the loop, after the loop."""
        _, _, h0, c0, _, mask = self._unpack(tensors)
        h, c_before, gates = result[1]
        (dh0, dc0), (dz,) = back
        gradients = [
            dz,
            recurrent_gradient(h, h0, dz, self.taps, self.reverse),
            ops.cast(dh0, h0.dtype),
            dc0,
        ]
        if self.has_peepholes:
            dz_i, dz_f, _, dz_o = ops.split(ops.cast(dz, "float32"), 4, -1)
            gates = ops.split(ops.cast(gates, "float32"), 4, -1)
            c_after = self._remember(gates, c_before)
            axes = tuple(range(len(c_before.shape) - 1))
            gradients.append(
                ops.stack(
                    [
                        ops.sum(dz_i * c_before, axes),
                        ops.sum(dz_f * c_before, axes),
                        ops.sum(dz_o * c_after, axes),
                    ]
                )
            )
        if self.has_mask:
            gradients.append(ops.zeros_like(mask))
        return gradients
