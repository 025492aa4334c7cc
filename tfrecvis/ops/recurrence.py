"""What LSTM and GRU share: inputs, lanes, masks, and the hand-written backward pass."""

import math

from keras import ops

from tfrecvis.ops.backend import custom_gradient
from tfrecvis.ops.scan import one_launch_per_step, scan_together
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.stencil import project, project_back, shift


class Cell:
    """One direction of a recurrence: its tensors, its step, its step back.

    A subclass gives `forward` and `backward`, which return a `Track`; `outputs`; and
    `gradients`, which computes after the loop whatever does not need the loop.

    `tensors` holds the direction's tensors by name, absent ones left out. `inputs` are
    the gates' projections, or, with a `kernel`, what is still to be projected. Inside,
    all lanes are one axis: states are `(N, U)`, and what has steps is `(T, N, ...)`.

    Where products are made is decided here, for every recurrence:

    - `hoist`: the inputs of all steps are projected before the loop. That leaves the
      fewest launches per step, which is what an accelerator waits for. On a CPU the
      projections would only be written to memory and read again.
    - `sums_inside`: the backward loop sums the kernels' gradients step by step, while
      what they are made of is in the cache, and keeps nothing for after the loop. On an
      accelerator, and where a kernel is larger than what it multiplies in a step, the
      gradients are one product after the loop.
    """

    def __init__(self, tensors, reverse, taps=(0,)):
        *self.lanes, self.units = ops.shape(tensors["h"])
        self.tensors = {
            name: self._one_axis(name, ops.convert_to_tensor(value))
            for name, value in tensors.items()
            if value is not None
        }
        self.reverse, self.taps = reverse, taps
        self.dtype = tensors["inputs"].dtype
        self.hoist = "kernel" in self.tensors and one_launch_per_step()
        rows = len(taps) * self.units
        if "kernel" in self.tensors:
            rows += self.tensors["kernel"].shape[0]
        lanes = self.tensors["h"].shape[0]
        self.sums_inside = not one_launch_per_step() and (
            lanes is None or lanes >= rows
        )

    def _one_axis(self, name, x):
        """Lanes `(L, B, ..)` as one axis, behind the steps where there are some."""
        if len(self.lanes) == 1 or name not in ("inputs", "mask", "h", "c"):
            return x
        known = all(isinstance(size, int) for size in self.lanes)
        lanes = math.prod(self.lanes) if known else -1
        steps = ops.shape(x)[:1] if name in ("inputs", "mask") else ()
        return ops.reshape(x, (*steps, lanes, x.shape[-1]))

    def all_axes(self, x):
        """The lanes of `(T, N, ...)` or `(N, ...)` as they came."""
        if len(self.lanes) == 1:
            return x
        return ops.reshape(x, (*ops.shape(x)[:-2], *self.lanes, x.shape[-1]))

    def present(self, *names):
        """Those of the names that this direction has tensors for."""
        return [name for name in names if name in self.tensors]

    def shift(self, x, tap):
        """Each lane's neighbour at `tap`: lanes of one distance are side by side."""
        if tap == 0:
            return x
        shape = ops.shape(x)
        x = shift(self.all_axes(x), tap, axis=-1 - len(self.lanes))
        return ops.reshape(x, shape)

    def neighbours(self, x):
        """The list of what each lane reads of the state `x`."""
        return [self.shift(x, tap) for tap in self.taps]

    def scanned_inputs(self, tensors):
        """The inputs as the loop reads them."""
        if not self.hoist:
            return tensors["inputs"]
        z = project(tensors["inputs"], tensors["kernel"])
        return z + tensors["bias"] if "bias" in tensors else z

    def input_gradients(self, tensors, dz):
        """Gradients of `inputs`, `kernel` and `bias` from those of the projections."""
        if "kernel" not in tensors:
            return {"inputs": dz}
        gradients = {
            "inputs": project(dz, ops.transpose(tensors["kernel"])),
            "kernel": project_back(tensors["inputs"], dz),
        }
        if "bias" in tensors:
            gradients["bias"] = ops.sum(dz, tuple(range(len(dz.shape) - 1)))
        return gradients


def join_rows(tensors, names):
    """Kernels and biases, one below the other: what multiplies `beside`'s rows."""
    rows = [tensors[n] for n in names]
    rows = [r[None] if len(r.shape) == 1 else r for r in rows]
    return rows[0] if len(rows) == 1 else ops.concatenate(rows, 0)


def split_rows(total, tensors, names):
    """Undo `join_rows`, for a gradient: a dict by name."""
    parts, start = {}, 0
    for name in names:
        shape = tensors[name].shape
        size = 1 if len(shape) == 1 else shape[0]
        parts[name] = ops.reshape(total[start : start + size], shape)
        start += size
    return parts


def optional(*tensors):
    """Those that are not None, and a function that puts slices of them in place."""
    there = [t is not None for t in tensors]

    def unpack(slices):
        slices = iter(slices)
        return [next(slices) if given else None for given in there]

    return tuple(t for t in tensors if t is not None), unpack


def beside(*parts):
    """Tensors side by side in the last axis; None stands for a one."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0][..., :1]
    return ops.concatenate(
        [ops.ones_like(first) if part is None else part for part in parts], -1
    )


def sum_of_products(x, dy):
    """One step's part of a kernel's gradient, in float32: steps are summed."""
    return ops.cast(project_back(x, dy), "float32")


def check_kernels(cell, direction, gates, reads):
    """Refuse kernels and inputs whose shapes do not fit `gates` gates of the units."""
    width = gates * cell.units
    features = direction.inputs.shape[-1]
    if direction.kernel is None and features != width:
        raise ValueError(
            f"`inputs` must hold {gates} gates of {cell.units} units in its last axis, "
            f"{width} in all. Received: inputs.shape={tuple(direction.inputs.shape)}. "
            "Pass `kernel` to project them."
        )
    if direction.kernel is None and direction.bias is not None:
        raise ValueError(
            "`bias` needs a `kernel`: projections hold their bias already. Received: "
            "kernel=None. Pass bias=None, or the kernel."
        )
    check_shapes(
        f"They are those of {gates} gates of {cell.units} units.",
        kernel=("features gates", direction.kernel),
        recurrent_kernel=("reads gates", direction.recurrent_kernel),
        features=features,
        reads=reads,
        gates=width,
    )


def run_cells(cells, training):
    """Outputs of every cell, all in one `scan_together`.

    With `training`, the gates are kept and the hand-written backward pass is used.
    """
    if not training:
        tracks = [cell.forward(cell.tensors, save=False) for cell in cells]
        results = scan_together(tracks)
        return [
            tuple(cell.all_axes(y) for y in cell.outputs(result))
            for cell, result in zip(cells, results, strict=True)
        ]

    def group(flat, counts):
        flat = list(flat)
        return [[flat.pop(0) for _ in range(count)] for count in counts]

    @custom_gradient
    def run(*flat):
        given = [
            dict(zip(cell.tensors, values, strict=True))
            for cell, values in zip(
                cells, group(flat, [len(c.tensors) for c in cells]), strict=True
            )
        ]
        results = scan_together(
            [c.forward(t, save=True) for c, t in zip(cells, given, strict=True)]
        )
        outputs = [c.outputs(r) for c, r in zip(cells, results, strict=True)]

        def backward(*upstream):
            upstream = group(upstream, [len(o) for o in outputs])
            everything = list(zip(cells, given, results, strict=True))
            tracks = [
                cell.backward(t, result, du)
                for (cell, t, result), du in zip(everything, upstream, strict=True)
            ]
            flat = []
            for (cell, t, result), back in zip(
                everything, scan_together(tracks), strict=True
            ):
                gradients = cell.gradients(t, result, back)
                if "mask" in t:
                    gradients["mask"] = ops.zeros_like(t["mask"])
                flat += [ops.cast(gradients[n], x.dtype) for n, x in t.items()]
            return tuple(flat)

        return tuple(y for output in outputs for y in output), backward

    flat = run(*(value for cell in cells for value in cell.tensors.values()))
    return [
        tuple(cell.all_axes(y) for y in values)
        for cell, values in zip(
            cells, group(flat, [c.num_outputs for c in cells]), strict=True
        )
    ]
