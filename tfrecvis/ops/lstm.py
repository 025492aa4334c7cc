"""LSTM recurrences along the leading axis, whose lanes may read their neighbours."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.checks import check_choice
from tfrecvis.ops.recurrence import (
    Cell,
    beside,
    check_kernels,
    join_rows,
    optional,
    run_cells,
    split_rows,
    sum_of_products,
)
from tfrecvis.ops.scan import Track
from tfrecvis.ops.stencil import blend, project, project_back


class LSTMDirection(NamedTuple):
    """One direction of `lstm`.

    Fields:
        inputs: Float tensor `(T, L, ..., C)`; or, without a kernel, their projections
            `(T, L, ..., G * U)`: gates i, f (one, or one per tap), g, o; or, stable,
            i, f, l, g, o.
        recurrent_kernel: Float tensor `(taps * U, G * U)`.
        h: Float tensor `(L, ..., U)`, hidden state before the first step.
        c: Float tensor `(L, ..., U)`, cell state before the first step.
        kernel: Float tensor `(C, G * U)` or None.
        bias: Float tensor `(G * U,)` or None; only with a kernel.
        peepholes: Float tensor `(3, U)` for the gates i, f, o; or None.
        mask: Tensor `(T, L, ..., 1)`, one for a real step and zero for a padded one; or
            None.
        reverse: Whether to run from the last step to the first.

    Example:

    >>> x, zeros = ops.ones((5, 2, 12)), ops.zeros((2, 3))
    >>> LSTMDirection(x, ops.ones((3, 12)), h=zeros, c=zeros, reverse=True).reverse
    True
    """

    inputs: object
    recurrent_kernel: object
    h: object
    c: object
    kernel: object = None
    bias: object = None
    peepholes: object = None
    mask: object = None
    reverse: bool = False


def lstm(
    directions,
    taps=(0,),
    forget_gates=1,
    stable=False,
    masked="carry",
    training=False,
):
    """LSTMs over the leading axis, each lane reading the previous step's neighbours.

    With `R . h` the products of the neighbours' hidden states at `taps`, side by side:

        i, f, g, o = split(W . inputs[t] + b + R . h[t-1])
        i, f = sigmoid(i + p_i * c[t-1]), sigmoid(f + p_f * c[t-1])
        c[t] = f * c[t-1] + i * tanh(g)
        h[t] = sigmoid(o + p_o * c[t]) * tanh(c[t])

    With one forget gate per tap (Graves et al., 2007),
    `c[t] = sum_k f_k * c_k + i * g`, where `c_k` is the neighbour's memory. The stable
    cell of two taps (Leifert et al., 2016) keeps a mean of both memories instead, which
    cannot grow with the image:

        c[t] = sigmoid(f) * (l * c_1 + (1 - l) * c_2) + i * g    l = sigmoid(l)

    Directions run side by side. The cell state is kept in float32 under every precision
    policy, since it sums over steps.

    Args:
        directions: List of `LSTMDirection`.
        taps: Tuple of integers: the lanes that a lane reads, relative to its own.
        forget_gates: Integer, 1 or `len(taps)`.
        stable: Whether to use the stable cell; needs two taps and forget gates.
        masked: What a padded step does: `"carry"` keeps the state, `"zero"` clears it.
        training: Whether to keep the gates for the hand-written backward pass. Without
            it, nothing is kept, and automatic differentiation still works.

    Returns:
        List of `(h, last_h, last_c)`, one for each direction: hidden states
        `(T, L, ..., U)` and the states after the last step.

    Raises:
        ValueError: `forget_gates`, `stable`, `masked` or a shape does not fit.

    Reference: Hochreiter & Schmidhuber, 1997; Gers et al., 2002 (peepholes); Graves et
    al., 2007 (https://arxiv.org/abs/0705.2011); Leifert et al., 2016
    (https://arxiv.org/abs/1412.2620).

    Example:

    >>> x, kernel, zeros = ops.ones((5, 2, 12)), ops.ones((3, 12)), ops.zeros((2, 3))
    >>> h, last_h, last_c = lstm([LSTMDirection(x, kernel, zeros, zeros)])[0]
    >>> tuple(h.shape), tuple(last_h.shape)
    ((5, 2, 3), (2, 3))
    """
    taps = tuple(taps)
    check_choice("masked", masked, ("carry", "zero"))
    if forget_gates not in (1, len(taps)):
        raise ValueError(
            "`forget_gates` must be 1, or one per tap. Received: "
            f"forget_gates={forget_gates}, taps={taps}."
        )
    if stable and (len(taps), forget_gates) != (2, 2):
        raise ValueError(
            "The stable cell mixes the memories of two taps. Received: "
            f"stable=True, taps={taps}, forget_gates={forget_gates}. Give two taps and "
            "forget_gates=2."
        )
    cells = [
        _LSTMCell(d, taps, forget_gates, stable, masked == "carry") for d in directions
    ]
    return run_cells(cells, training)


class _LSTMCell(Cell):
    num_outputs = 3

    def __init__(self, direction, taps, forget_gates, stable, carry_masked):
        dtype = direction.inputs.dtype

        def cast(value, dtype):
            return None if value is None else ops.cast(value, dtype)

        super().__init__(
            {
                "inputs": direction.inputs,
                "recurrent_kernel": cast(direction.recurrent_kernel, dtype),
                "h": cast(direction.h, dtype),
                "c": cast(direction.c, "float32"),
                "kernel": cast(direction.kernel, dtype),
                "bias": cast(direction.bias, dtype),
                "peepholes": cast(direction.peepholes, "float32"),
                "mask": cast(direction.mask, "float32"),
            },
            direction.reverse,
            taps,
        )
        self.forget_gates, self.stable = forget_gates, stable
        # What one product per step multiplies with.
        inputs = [] if self.hoist else self.present("kernel", "bias")
        self.rows = [*inputs, "recurrent_kernel"]
        self.carry_masked = carry_masked
        check_kernels(self, direction, 3 + forget_gates, len(taps) * self.units)
        if direction.peepholes is not None and forget_gates != 1:
            raise ValueError(
                "Peepholes are defined for one forget gate only. Received: "
                f"forget_gates={forget_gates}. Pass peepholes=None."
            )

    def _split(self, gates):
        i, *f, g, o = ops.split(ops.cast(gates, "float32"), 3 + self.forget_gates, -1)
        return i, f, g, o

    def _memories(self, c):
        """The memory that each forget gate keeps."""
        return self.neighbours(c) if self.forget_gates > 1 else [c]

    def _kept(self, f):
        """How much of each memory the forget gates keep."""
        return [f[0] * f[1], f[0] * (1 - f[1])] if self.stable else f

    def _remember(self, i, f, g, c):
        kept = [a * b for a, b in zip(self._kept(f), self._memories(c), strict=True)]
        return sum(kept[1:], kept[0]) + i * g

    def _to_neighbours(self, parts):
        """What each lane gave to those it reads, summed: back along the taps."""
        parts = [self.shift(x, -t) for x, t in zip(parts, self.taps, strict=True)]
        return sum(parts[1:], parts[0])

    def _forget_gradients(self, f, kept):
        """Gradients of the forget gates from those of what they keep."""
        if self.stable:
            first, second = kept
            kept = [first * f[1] + second * (1 - f[1]), f[0] * (first - second)]
        return [d * k * (1 - k) for d, k in zip(kept, f, strict=True)]

    def _peephole_gradients(self, dz_i, dz_f, dz_o, c, new_c):
        axes = tuple(range(len(c.shape) - 1))
        pairs = (dz_i, c), (dz_f, c), (dz_o, new_c)
        return ops.stack([ops.sum(a * b, axes) for a, b in pairs])

    def _row(self, x, h):
        """What a step multiplies with its kernels: inputs, a one, what it reads."""
        read = self.neighbours(h)
        if "kernel" not in self.rows:
            return beside(*read)
        return beside(x, *([None] if "bias" in self.rows else []), *read)

    def forward(self, tensors, save):
        kernel, p = join_rows(tensors, self.rows), tensors.get("peepholes")

        def step(carry, xs):
            x, *m = xs
            h, c = carry
            z = project(self._row(x, h), kernel)
            i, f, g, o = self._split(z if "kernel" in self.rows else x + z)
            if p is not None:
                i, f = i + p[0] * c, [f[0] + p[1] * c]
            i, f, g = ops.sigmoid(i), [ops.sigmoid(k) for k in f], ops.tanh(g)
            new_c = self._remember(i, f, g, c)
            o = ops.sigmoid(o if p is None else o + p[2] * new_c)
            new_h = ops.cast(o * ops.tanh(new_c), self.dtype)
            if m:
                new_h = blend(m[0], new_h, h if self.carry_masked else None)
                new_c = blend(m[0], new_c, c if self.carry_masked else None)
            if not save:
                return (new_h, new_c), (new_h,)
            # One array per gate: XLA vectorises no slice of a slice.
            gates = (ops.cast(gate, self.dtype) for gate in (i, *f, g, o))
            return (new_h, new_c), (new_h, h, c, *gates)

        h, c = tensors["h"], tensors["c"]
        xs = (self.scanned_inputs(tensors),)
        xs += (tensors["mask"],) if "mask" in tensors else ()
        like = (h, h, c, *[h] * (3 + self.forget_gates)) if save else (h,)
        return Track(step, (h, c), xs, like, self.reverse)

    def outputs(self, result):
        (last_h, last_c), saved = result
        return saved[0], last_h, last_c

    def backward(self, tensors, result, upstream):
        _, h_before, c_before, *gates = result[1]
        dh_all, dh_last, dc_last = upstream
        p = tensors.get("peepholes")
        features = 0  # of the inputs, where the loop finds their gradients
        reads = tensors["recurrent_kernel"]
        if self.sums_inside and "kernel" in tensors:
            features = tensors["kernel"].shape[0]
            reads = ops.concatenate([tensors["kernel"], reads], 0)
        reads = ops.transpose(reads)

        def step(carry, xs):
            dh, dc, *sums = carry
            dh_t, h, x, m, c, *gates = unpack(xs)
            dh = dh + ops.cast(dh_t, "float32")
            i, *f, g, o = (ops.cast(gate, "float32") for gate in gates)
            rest_h = rest_c = 0.0
            if m is not None:
                if self.carry_masked:
                    rest_h, rest_c = (1 - m) * dh, (1 - m) * dc
                dh, dc = m * dh, m * dc
            new_c = self._remember(i, f, g, c)
            tanh_c = ops.tanh(new_c)
            dz_o = dh * tanh_c * o * (1 - o)
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            if p is not None:
                dc = dc + dz_o * p[2]
            dz_i = dc * g * i * (1 - i)
            dz_f = self._forget_gradients(f, [dc * m for m in self._memories(c)])
            dz_g = dc * i * (1 - g * g)
            dz = ops.concatenate([dz_i, *dz_f, dz_g, dz_o], -1)
            dz = ops.cast(dz, self.dtype)
            if self.sums_inside:
                sums[0] += sum_of_products(self._row(x, h), dz)
                if p is not None:
                    sums[1] += self._peephole_gradients(dz_i, dz_f[0], dz_o, c, new_c)
            d_row = project(dz, reads)
            dh = self._to_neighbours(
                ops.split(ops.cast(d_row[:, features:], "float32"), len(self.taps), -1)
            )
            if self.forget_gates > 1:
                dc = self._to_neighbours([dc * k for k in self._kept(f)])
            else:
                dc = dc * f[0]
            if p is not None:
                dc = dc + dz_i * p[0] + dz_f[0] * p[1]
            if m is not None:
                dh, dc = dh + rest_h, dc + rest_c
            return (dh, dc, *sums), (d_row[:, :features] if features else dz,)

        carry = (ops.cast(dh_last, "float32"), dc_last)
        if self.sums_inside:
            sums = [join_rows(tensors, self.rows), *([] if p is None else [p])]
            carry += tuple(ops.zeros_like(s, "float32") for s in sums)
        xs, unpack = optional(
            dh_all,
            h_before if self.sums_inside else None,
            tensors["inputs"] if features else None,
            tensors.get("mask"),
            c_before,
            *gates,
        )
        like = tensors["inputs"][0]
        if "kernel" in tensors and not features:
            like = ops.concatenate([tensors["h"]] * (3 + self.forget_gates), -1)
        return Track(step, carry, xs, (like,), not self.reverse)

    def gradients(self, tensors, result, back):
        _, h_before, c_before, *gates = result[1]
        (dh0, dc0, *sums), (dz,) = back
        gradients = {"h": dh0, "c": dc0}
        if self.sums_inside:
            gradients["inputs"] = dz
            gradients |= split_rows(sums[0], tensors, self.rows)
            gradients |= zip(self.present("peepholes"), sums[1:], strict=True)
            return gradients
        read = beside(*self.neighbours(h_before))
        gradients["recurrent_kernel"] = project_back(read, dz)
        if "peepholes" in tensors:
            dz_i, dz_f, _, dz_o = self._split(dz)
            i, f, g, _ = (ops.cast(gate, "float32") for gate in gates)
            new_c = self._remember(i, [f], g, c_before)
            gradients["peepholes"] = self._peephole_gradients(
                dz_i, dz_f[0], dz_o, c_before, new_c
            )
        return gradients | self.input_gradients(tensors, dz)
