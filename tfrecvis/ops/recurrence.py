"""What LSTM and GRU share: inputs, masks, and the hand-written backward pass."""

from keras import ops

from tfrecvis.ops.scan import custom_gradient, one_launch_per_step, scan_together
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.stencil import project, project_back


class Cell:
    """One direction of a recurrence: its tensors, its step, its step back.

    A subclass gives `forward` and `backward`, which return a `Track`; `outputs`; and
    `gradients`, which computes after the loop whatever does not need the loop.

    `tensors` holds the direction's tensors by name, absent ones left out. `inputs` are
    the gates' projections, or, with a `kernel`, what is still to be projected.
    """

    def __init__(self, tensors, reverse):
        self.tensors = {
            name: ops.convert_to_tensor(value)
            for name, value in tensors.items()
            if value is not None
        }
        self.reverse = reverse
        self.units = tensors["h"].shape[-1]
        self.dtype = tensors["inputs"].dtype
        # One product before the loop has the fewest steps, and suits a GPU. On a CPU
        # the projections would only be written to memory and read again.
        self.hoist = "kernel" in self.tensors and one_launch_per_step()

    def scanned_inputs(self, tensors):
        """The inputs as the loop reads them."""
        if not self.hoist:
            return tensors["inputs"]
        z = project(tensors["inputs"], tensors["kernel"])
        return z + tensors["bias"] if "bias" in tensors else z

    def gates(self, tensors, x):
        """One step's input projections, in float32."""
        if "kernel" in tensors and not self.hoist:
            x = project(x, tensors["kernel"])
            x = x + tensors["bias"] if "bias" in tensors else x
        return x

    def gates_like(self, tensors):
        """A tensor of the shape of one step's gates."""
        x = tensors["inputs"][0]
        return (
            self.gates(tensors, x) if not self.hoist else project(x, tensors["kernel"])
        )

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
        return [c.outputs(r) for c, r in zip(cells, results, strict=True)]

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
                flat += [gradients[name] for name in cell.tensors]
            return tuple(flat)

        return tuple(y for output in outputs for y in output), backward

    flat = run(*(value for cell in cells for value in cell.tensors.values()))
    return [tuple(values) for values in group(flat, [c.num_outputs for c in cells])]
