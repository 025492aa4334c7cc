"""GRU recurrences along the leading axis."""

from typing import NamedTuple

from keras import ops

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


class GRUDirection(NamedTuple):
    """One direction of `gru`.

    Fields:
        inputs: Float tensor `(T, ..., C)`; or, without a kernel, their projections
            `(T, ..., 3 * U)`: gates z, r, h.
        recurrent_kernel: Float tensor `(U, 3 * U)`.
        h: Float tensor `(..., U)`, hidden state before the first step.
        kernel: Float tensor `(C, 3 * U)` or None.
        bias: Float tensor `(3 * U,)` or None; only with a kernel.
        recurrent_bias: Float tensor `(3 * U,)`, inside the reset gate; or None.
        mask: Tensor `(T, ..., 1)`, one for a real step and zero for a padded one; or
            None.
        reverse: Whether to run from the last step to the first.

    Example:

    >>> x, zeros = ops.ones((5, 2, 9)), ops.zeros((2, 3))
    >>> GRUDirection(x, ops.ones((3, 9)), h=zeros, reverse=True).reverse
    True
    """

    inputs: object
    recurrent_kernel: object
    h: object
    kernel: object = None
    bias: object = None
    recurrent_bias: object = None
    mask: object = None
    reverse: bool = False


def gru(directions, reset_after=True, training=False):
    """GRUs over the leading axis; directions run side by side.

        z, r = sigmoid(x_z + R_z . h[t-1]), sigmoid(x_r + R_r . h[t-1])
        n = tanh(x_h + r * (R_h . h[t-1]))    or, with reset_after=False,
        n = tanh(x_h + R_h . (r * h[t-1]))
        h[t] = z * h[t-1] + (1 - z) * n

    `x_*` are the gates of `W . inputs[t] + b`. Differs from the paper: `z` is the
    complement of Cho's, as in Keras, so that `keras.layers.GRU` weights fit. A padded
    step carries the state through.

    Args:
        directions: List of `GRUDirection`.
        reset_after: Whether the reset gate follows the matrix product (cuDNN, the
            default of Keras) or precedes it (Cho et al.).
        training: Whether to keep the gates for the hand-written backward pass. Without
            it, nothing is kept, and automatic differentiation still works.

    Returns:
        List of `(h, last_h)`, one for each direction: hidden states `(T, ..., U)` and
        the state after the last step.

    Raises:
        ValueError: a shape does not fit, or a recurrent bias comes with
            `reset_after=False`.

    Reference: Cho et al., 2014 (https://arxiv.org/abs/1406.1078).

    Example:

    >>> x, kernel, zeros = ops.ones((5, 2, 9)), ops.ones((3, 9)), ops.zeros((2, 3))
    >>> h, last_h = gru([GRUDirection(x, kernel, zeros)])[0]
    >>> tuple(h.shape), tuple(last_h.shape)
    ((5, 2, 3), (2, 3))
    """
    cells = [_GRUCell(direction, reset_after) for direction in directions]
    return run_cells(cells, training)


class _GRUCell(Cell):
    num_outputs = 2

    def __init__(self, direction, reset_after):
        dtype = direction.inputs.dtype

        def cast(value, dtype=dtype):
            return None if value is None else ops.cast(value, dtype)

        super().__init__(
            {
                "inputs": direction.inputs,
                "recurrent_kernel": cast(direction.recurrent_kernel),
                "h": cast(direction.h),
                "kernel": cast(direction.kernel),
                "bias": cast(direction.bias),
                "recurrent_bias": cast(direction.recurrent_bias),
                "mask": cast(direction.mask, "float32"),
            },
            direction.reverse,
        )
        self.reset_after = reset_after
        # What the inputs are multiplied with in a step, and what the state is.
        self.rows = [] if self.hoist else self.present("kernel", "bias")
        self.recurrent_rows = self.present("recurrent_kernel", "recurrent_bias")
        check_kernels(self, direction, 3, self.units)
        if direction.recurrent_bias is not None and not reset_after:
            raise ValueError(
                "A recurrent bias needs reset_after=True: with reset_after=False the "
                "input bias says the same. Pass recurrent_bias=None."
            )

    def _split(self, gates):
        return ops.split(ops.cast(gates, "float32"), 3, -1)

    def forward(self, tensors, save):
        kernel = tensors["recurrent_kernel"]
        whole = join_rows(tensors, self.rows) if self.rows else None

        def step(carry, xs):
            x, *m = xs
            (h,) = carry
            x = x if whole is None else project(self._row(x), whole)
            x_z, x_r, x_n = self._split(x)
            if self.reset_after:
                recurrent = project(h, kernel)
                if "recurrent_bias" in tensors:
                    recurrent = recurrent + tensors["recurrent_bias"]
                h_z, h_r, h_n = self._split(recurrent)
                z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
                n = ops.tanh(x_n + r * h_n)
                gates = [z, r, n, h_n]
            else:
                h_zr = ops.cast(project(h, kernel[:, : 2 * self.units]), "float32")
                h_z, h_r = ops.split(h_zr, 2, -1)
                z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
                h_n = project(ops.cast(r, self.dtype) * h, kernel[:, 2 * self.units :])
                n = ops.tanh(x_n + ops.cast(h_n, "float32"))
                gates = [z, r, n]
            new_h = ops.cast(z * ops.cast(h, "float32") + (1 - z) * n, self.dtype)
            if m:
                new_h = blend(m[0], new_h, h)
            if not save:
                return (new_h,), (new_h,)
            # One array per gate: XLA vectorises no slice of a slice.
            return (new_h,), (new_h, h, *(ops.cast(k, self.dtype) for k in gates))

        h = tensors["h"]
        xs = (self.scanned_inputs(tensors),)
        xs += (tensors["mask"],) if "mask" in tensors else ()
        like = (h, h, *[h] * (4 if self.reset_after else 3)) if save else (h,)
        return Track(step, (h,), xs, like, self.reverse)

    def _row(self, x):
        return beside(x, None) if "bias" in self.rows else x

    def outputs(self, result):
        return result[1][0], result[0][0]

    def backward(self, tensors, result, upstream):
        _, h_before, *gates = result[1]
        dh_all, dh_last = upstream
        units = self.units
        kernel = ops.transpose(tensors["recurrent_kernel"])
        inside = self.sums_inside
        to_inputs = None
        if inside and "kernel" in tensors:
            to_inputs = ops.transpose(tensors["kernel"])

        def step(carry, xs):
            dh, *sums = carry
            dh_t, h, x, m, z, r, n, *h_n = unpack(xs)
            dh = dh + ops.cast(dh_t, "float32")
            h_t, h = h, ops.cast(h, "float32")
            z, r, n, *h_n = (ops.cast(gate, "float32") for gate in (z, r, n, *h_n))
            rest = 0.0 if m is None else (1 - m) * dh
            dh = dh if m is None else m * dh
            dz = dh * (h - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n * n)
            if self.reset_after:
                dr = dn * h_n[0] * r * (1 - r)
                recurrent = ops.concatenate([dz, dr, dn * r], -1)
                recurrent = ops.cast(recurrent, self.dtype)
                back = ops.cast(project(recurrent, kernel), "float32")
                products = [(self._read(h_t), recurrent)]
            else:
                half_dn = ops.cast(dn, self.dtype)
                reset = ops.cast(project(half_dn, kernel[2 * units :]), "float32")
                dr = reset * h * r * (1 - r)
                zr = ops.cast(ops.concatenate([dz, dr], -1), self.dtype)
                back = ops.cast(project(zr, kernel[: 2 * units]), "float32")
                back = reset * r + back
                products = [(h_t, zr), (ops.cast(r, self.dtype) * h_t, half_dn)]
            dx = ops.cast(ops.concatenate([dz, dr, dn], -1), self.dtype)
            if to_inputs is not None:
                products.append((self._row(x), dx))
            if inside:
                sums = [
                    total + sum_of_products(*pair)
                    for total, pair in zip(sums, products, strict=True)
                ]
            dx = dx if to_inputs is None else project(dx, to_inputs)
            return (dh * z + back + rest, *sums), (dx,)

        carry = (ops.cast(dh_last, "float32"),)
        if inside:
            recurrent = join_rows(tensors, self.recurrent_rows)
            sums = [recurrent]
            if not self.reset_after:
                sums = ops.split(recurrent, [2 * units], -1)
            if to_inputs is not None:
                sums = [*sums, join_rows(tensors, self.rows)]
            carry += tuple(ops.zeros_like(s, "float32") for s in sums)
        xs, unpack = optional(
            dh_all,
            h_before,
            None if to_inputs is None else tensors["inputs"],
            tensors.get("mask"),
            *gates,
        )
        like = tensors["inputs"][0]
        if "kernel" in tensors and not inside:
            like = ops.concatenate([tensors["h"]] * 3, -1)
        return Track(step, carry, xs, (like,), not self.reverse)

    def _read(self, h):
        return beside(h, None) if "recurrent_bias" in self.recurrent_rows else h

    def gradients(self, tensors, result, back):
        _, h_before, _, r, *_ = result[1]
        (dh0, *sums), (dx,) = back
        gradients = {"h": dh0}
        if self.sums_inside:
            recurrent = sums[0]
            if not self.reset_after:
                recurrent = ops.concatenate(sums[:2], -1)
            gradients |= split_rows(recurrent, tensors, self.recurrent_rows)
            if "kernel" in tensors:
                gradients |= split_rows(sums[-1], tensors, self.rows)
            return gradients | {"inputs": dx}
        dx_zr, dx_n = ops.split(dx, [2 * self.units], -1)
        if self.reset_after:
            recurrent = ops.concatenate([dx_zr, dx_n * r], -1)
            gradients["recurrent_kernel"] = project_back(h_before, recurrent)
            if "recurrent_bias" in tensors:
                axes = tuple(range(len(dx.shape) - 1))
                gradients["recurrent_bias"] = ops.sum(recurrent, axes)
        else:
            gradients["recurrent_kernel"] = ops.concatenate(
                [project_back(h_before, dx_zr), project_back(h_before * r, dx_n)], -1
            )
        return gradients | self.input_gradients(tensors, dx)
