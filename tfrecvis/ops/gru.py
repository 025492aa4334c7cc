"""GRU recurrences along the leading axis."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.scan import Track, custom_gradient, scan_together
from tfrecvis.ops.stencil import blend, project, project_back, recurrent_gradient


class GRUDirection(NamedTuple):
    """One direction of `gru`.

    Fields:
        inputs: Float tensor `(T, ..., 3 * U)`, the input projections with the bias:
            gates z, r, h.
        recurrent_kernel: Float tensor `(U, 3 * U)`.
        h: Float tensor `(..., U)`, hidden state before the first step.
        recurrent_bias: Float tensor `(3 * U,)`, inside the reset gate; or None.
        mask: Tensor `(T, ..., 1)`, one for a real step and zero for a padded one; or
            None.
        reverse: Whether to run from the last step to the first.
    """

    inputs: object
    recurrent_kernel: object
    h: object
    recurrent_bias: object = None
    mask: object = None
    reverse: bool = False


def gru(directions, reset_after=True, training=False):
    """GRUs over the leading axis; all directions advance in one loop.

        z, r = sigmoid(x_z + R_z . h[t-1]), sigmoid(x_r + R_r . h[t-1])
        n = tanh(x_h + r * (R_h . h[t-1]))    or, with reset_after=False,
        n = tanh(x_h + R_h . (r * h[t-1]))
        h[t] = z * h[t-1] + (1 - z) * n

    `x_*` are the gates of `inputs[t]`. Differs from the paper: `z` is the complement of
    Cho's, as in Keras, so that `keras.layers.GRU` weights fit. A padded step carries
    the state through.

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
    cells = [_Cell(direction, reset_after) for direction in directions]
    if not training:
        tracks = [cell.forward(*cell.tensors, save=False) for cell in cells]
        return [(ys[0], carry[0]) for carry, ys in scan_together(tracks)]

    counts = [len(cell.tensors) for cell in cells]

    @custom_gradient
    def run(*flat):
        flat = list(flat)
        tensors = [[flat.pop(0) for _ in range(count)] for count in counts]
        results = scan_together(
            [cell.forward(*t) for cell, t in zip(cells, tensors, strict=True)]
        )

        def backward(*upstream):
            tracks = [
                cell.backward(t, result, upstream[2 * k : 2 * k + 2])
                for k, (cell, t, result) in enumerate(
                    zip(cells, tensors, results, strict=True)
                )
            ]
            gradients = []
            for cell, t, result, back in zip(
                cells, tensors, results, scan_together(tracks), strict=True
            ):
                gradients += cell.gradients(t, result, back)
            return tuple(gradients)

        return tuple(y for carry, ys in results for y in (ys[0], carry[0])), backward

    flat = run(*(t for cell in cells for t in cell.tensors))
    return [tuple(flat[2 * k : 2 * k + 2]) for k in range(len(cells))]


class _Cell:
    """Step, backward step and gradients of one direction."""

    def __init__(self, direction, reset_after):
        self.reset_after, self.reverse = reset_after, direction.reverse
        self.has_bias = direction.recurrent_bias is not None
        self.has_mask = direction.mask is not None
        self.units = direction.h.shape[-1]
        self.dtype = direction.inputs.dtype
        self._check(direction)
        self.tensors = [
            ops.convert_to_tensor(direction.inputs),
            ops.cast(direction.recurrent_kernel, self.dtype),
            ops.cast(direction.h, self.dtype),
        ]
        if self.has_bias:
            self.tensors.append(ops.cast(direction.recurrent_bias, self.dtype))
        if self.has_mask:
            self.tensors.append(ops.cast(direction.mask, "float32"))

    def _check(self, direction):
        if direction.inputs.shape[-1] != 3 * self.units:
            raise ValueError(
                f"`inputs` must hold 3 gates of {self.units} units in its last axis. "
                f"Received: inputs.shape={tuple(direction.inputs.shape)}."
            )
        kernel = (self.units, 3 * self.units)
        if tuple(direction.recurrent_kernel.shape) != kernel:
            raise ValueError(
                f"`recurrent_kernel` must have shape {kernel}. Received: "
                f"recurrent_kernel.shape={tuple(direction.recurrent_kernel.shape)}."
            )
        if self.has_bias and not self.reset_after:
            raise ValueError(
                "A recurrent bias needs reset_after=True: with reset_after=False the "
                "input bias says the same. Pass recurrent_bias=None."
            )

    def _unpack(self, tensors):
        x, kernel, h0, *rest = tensors
        bias = rest.pop(0) if self.has_bias else None
        mask = rest.pop(0) if self.has_mask else None
        return x, kernel, h0, bias, mask

    def forward(self, *tensors, save=True):
        x, kernel, h0, bias, mask = self._unpack(tensors)
        units = self.units

        def step(carry, xs):
            (h,) = carry
            x_zr, x_h = ops.split(ops.cast(xs[0], "float32"), [2 * units], -1)
            if self.reset_after:
                recurrent = project(h, kernel)
                recurrent = recurrent if bias is None else recurrent + bias
                r_zr, r_h = ops.split(ops.cast(recurrent, "float32"), [2 * units], -1)
                z, r = ops.split(ops.sigmoid(x_zr + r_zr), 2, -1)
                n = ops.tanh(x_h + r * r_h)
                kept = [z, r, n, r_h]
            else:
                r_zr = ops.cast(project(h, kernel[:, : 2 * units]), "float32")
                z, r = ops.split(ops.sigmoid(x_zr + r_zr), 2, -1)
                reset = ops.cast(r * ops.cast(h, "float32"), self.dtype)
                r_h = project(reset, kernel[:, 2 * units :])
                n = ops.tanh(x_h + ops.cast(r_h, "float32"))
                kept = [z, r, n]
            new_h = ops.cast(z * ops.cast(h, "float32") + (1 - z) * n, self.dtype)
            new_h = blend(xs[1] if self.has_mask else None, new_h, h)
            if not save:
                return (new_h,), (new_h,)
            return (new_h,), (new_h, h, ops.cast(ops.concatenate(kept, -1), self.dtype))

        kept_like = x[0]
        if self.reset_after:
            kept_like = ops.concatenate([x[0], h0], -1)
        like = (h0, h0, kept_like) if save else (h0,)
        xs = (x,) if mask is None else (x, mask)
        return Track(step, (h0,), xs, like, self.reverse)

    def backward(self, tensors, result, upstream):
        x, kernel, _, _, mask = self._unpack(tensors)
        _, (_, h_before, kept) = result
        dh_all, dh_last = upstream
        units = self.units
        kernel_t = ops.transpose(kernel)

        def step(carry, xs):
            dh_t, kept, h, *m = xs
            dh = carry[0] + ops.cast(dh_t, "float32")
            h = ops.cast(h, "float32")
            z, r, n, *r_h = ops.split(
                ops.cast(kept, "float32"), 4 if self.reset_after else 3, -1
            )
            rest = (1 - m[0]) * dh if m else None
            dh = m[0] * dh if m else dh
            dz = dh * (h - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n * n)
            if self.reset_after:
                dr = dn * r_h[0] * r * (1 - r)
                dx = ops.concatenate([dz, dr, dn], -1)
                recurrent = ops.concatenate([dz, dr, dn * r], -1)
                back = project(ops.cast(recurrent, self.dtype), kernel_t)
                back = ops.cast(back, "float32")
            else:
                reset = project(ops.cast(dn, self.dtype), kernel_t[2 * units :])
                reset = ops.cast(reset, "float32")
                dr = reset * h * r * (1 - r)
                dx = ops.concatenate([dz, dr, dn], -1)
                zr = ops.cast(ops.concatenate([dz, dr], -1), self.dtype)
                back = reset * r + ops.cast(
                    project(zr, kernel_t[: 2 * units]), "float32"
                )
            dh = dh * z + back
            dh = dh if rest is None else dh + rest
            return (dh,), (ops.cast(dx, self.dtype),)

        xs = (dh_all, kept, h_before) + (() if mask is None else (mask,))
        carry = (ops.cast(dh_last, "float32"),)
        return Track(step, carry, xs, (x[0],), not self.reverse)

    def gradients(self, tensors, result, back):
        """Gradients of `tensors`: those that do not need the loop, after the loop."""
        _, _, h0, _, mask = self._unpack(tensors)
        _, (h, h_before, kept) = result
        (dh0,), (dx,) = back
        units = self.units
        dx_zr, dx_h = ops.split(dx, [2 * units], -1)
        r = kept[..., units : 2 * units]
        if self.reset_after:
            recurrent = ops.concatenate([dx_zr, dx_h * r], -1)
            dkernel = recurrent_gradient(h, h0, recurrent, (0,), self.reverse)
        else:
            dkernel = ops.concatenate(
                [project_back(h_before, dx_zr), project_back(h_before * r, dx_h)], -1
            )
        gradients = [dx, dkernel, ops.cast(dh0, h0.dtype)]
        if self.has_bias:
            axes = tuple(range(len(recurrent.shape) - 1))
            gradients.append(ops.sum(recurrent, axes))
        if self.has_mask:
            gradients.append(ops.zeros_like(mask))
        return gradients
