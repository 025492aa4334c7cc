"""GRU recurrences along the leading axis."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.recurrence import Cell, check_kernels, run_cells
from tfrecvis.ops.scan import Track
from tfrecvis.ops.stencil import blend, project, project_back, recurrent_gradient


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
        check_kernels(self, direction, 3, self.units)
        if direction.recurrent_bias is not None and not reset_after:
            raise ValueError(
                "A recurrent bias needs reset_after=True: with reset_after=False the "
                "input bias says the same. Pass recurrent_bias=None."
            )

    def _split(self, gates):
        """Update and reset gates together, and the candidate."""
        return ops.split(ops.cast(gates, "float32"), [2 * self.units], -1)

    def forward(self, tensors, save):
        x = self.scanned_inputs(tensors)
        kernel = tensors["recurrent_kernel"]

        def step(carry, xs):
            x, *m = xs
            (h,) = carry
            x_zr, x_n = self._split(self.gates(tensors, x))
            if self.reset_after:
                recurrent = project(h, kernel)
                if "recurrent_bias" in tensors:
                    recurrent = recurrent + tensors["recurrent_bias"]
                h_zr, h_n = self._split(recurrent)
                z, r = ops.split(ops.sigmoid(x_zr + h_zr), 2, -1)
                n = ops.tanh(x_n + r * h_n)
                kept = [z, r, n, h_n]
            else:
                h_zr = project(h, kernel[:, : 2 * self.units])
                z, r = ops.split(ops.sigmoid(x_zr + ops.cast(h_zr, "float32")), 2, -1)
                h_n = project(ops.cast(r, self.dtype) * h, kernel[:, 2 * self.units :])
                n = ops.tanh(x_n + ops.cast(h_n, "float32"))
                kept = [z, r, n]
            new_h = ops.cast(z * ops.cast(h, "float32") + (1 - z) * n, self.dtype)
            if m:
                new_h = blend(m[0], new_h, h)
            if not save:
                return (new_h,), (new_h,)
            return (new_h,), (new_h, h, ops.cast(ops.concatenate(kept, -1), self.dtype))

        h = tensors["h"]
        kept_like = self.gates_like(tensors)
        if self.reset_after:
            kept_like = ops.concatenate([kept_like, h], -1)
        xs = (x, tensors["mask"]) if "mask" in tensors else (x,)
        like = (h, h, kept_like) if save else (h,)
        return Track(step, (h,), xs, like, self.reverse)

    def outputs(self, result):
        return result[1][0], result[0][0]

    def backward(self, tensors, result, upstream):
        _, h_before, kept = result[1]
        dh_all, dh_last = upstream
        units = self.units
        kernel = ops.transpose(tensors["recurrent_kernel"])

        def step(carry, xs):
            dh_t, kept, h, *m = xs
            dh = carry[0] + ops.cast(dh_t, "float32")
            h = ops.cast(h, "float32")
            z, r, n, *h_n = ops.split(
                ops.cast(kept, "float32"), 4 if self.reset_after else 3, -1
            )
            rest = (1 - m[0]) * dh if m else 0.0
            dh = m[0] * dh if m else dh
            dz = dh * (h - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n * n)
            if self.reset_after:
                dr = dn * h_n[0] * r * (1 - r)
                recurrent = ops.concatenate([dz, dr, dn * r], -1)
                back = project(ops.cast(recurrent, self.dtype), kernel)
                back = ops.cast(back, "float32")
            else:
                reset = project(ops.cast(dn, self.dtype), kernel[2 * units :])
                reset = ops.cast(reset, "float32")
                dr = reset * h * r * (1 - r)
                zr = ops.cast(ops.concatenate([dz, dr], -1), self.dtype)
                back = project(zr, kernel[: 2 * units])
                back = reset * r + ops.cast(back, "float32")
            dx = ops.concatenate([dz, dr, dn], -1)
            return (dh * z + back + rest,), (ops.cast(dx, self.dtype),)

        xs = (dh_all, kept, h_before)
        xs += (tensors["mask"],) if "mask" in tensors else ()
        like = kept[0][..., : 3 * units]
        carry = (ops.cast(dh_last, "float32"),)
        return Track(step, carry, xs, (like,), not self.reverse)

    def gradients(self, tensors, result, back):
        h, h_before, kept = result[1]
        (dh0,), (dx,) = back
        first = tensors["h"]
        dx_zr, dx_n = ops.split(dx, [2 * self.units], -1)
        r = kept[..., self.units : 2 * self.units]
        if self.reset_after:
            recurrent = ops.concatenate([dx_zr, dx_n * r], -1)
            kernel = recurrent_gradient(h, first, recurrent, (0,), self.reverse)
        else:
            kernel = ops.concatenate(
                [project_back(h_before, dx_zr), project_back(h_before * r, dx_n)], -1
            )
        gradients = {
            "recurrent_kernel": kernel,
            "h": ops.cast(dh0, first.dtype),
            **self.input_gradients(tensors, dx),
        }
        if "recurrent_bias" in tensors:
            axes = tuple(range(len(dx.shape) - 1))
            gradients["recurrent_bias"] = ops.sum(recurrent, axes)
        return gradients
