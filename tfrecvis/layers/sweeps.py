"""Bidirectional recurrent sweeps along one axis of an image, and their weights."""

from keras import ops

from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops import GRUDirection, LSTMDirection, gru, lstm

GATES = {"lstm": 4, "gru": 3}


def add_sweep_weights(
    layer, name, features, units, cell="lstm", learn_initial_state=False
):
    """Give a layer the weights of one bidirectional sweep, both directions stacked.

    They are packed as in `keras.layers.LSTM` (gates i, f, g, o) and `keras.layers.GRU`
    (gates z, r, h; two biases), with one more leading axis for the two directions.

    Args:
        layer: Keras layer, in its `build`.
        name: String before the names of its weights.
        features: Integer, channels that the sweep reads.
        units: Integer, units of each direction.
        cell: `"lstm"` or `"gru"`.
        learn_initial_state: Whether each direction starts from a trained state.

    Returns:
        Dict of weights: `kernel`, `recurrent_kernel`, `bias` and, where it is trained,
        `initial_state` `(2, states, units)`.
    """
    gates = GATES[cell] * units
    weights = {
        "kernel": layer.add_weight(
            (2, features, gates), one_by_one("glorot_uniform"), name=f"{name}_kernel"
        ),
        "recurrent_kernel": layer.add_weight(
            (2, units, gates),
            one_by_one("orthogonal"),
            name=f"{name}_recurrent_kernel",
        ),
    }
    if cell == "lstm":
        weights["bias"] = layer.add_weight((2, gates), forget_bias, name=f"{name}_bias")
    else:
        weights["bias"] = layer.add_weight((2, 2, gates), "zeros", name=f"{name}_bias")
    if learn_initial_state:
        states = 2 if cell == "lstm" else 1
        weights["initial_state"] = layer.add_weight(
            (2, states, units), "zeros", name=f"{name}_initial_state"
        )
    return weights


def sweep(inputs, cell="lstm", training=False):
    """Run both directions of every sweep, all side by side.

    Args:
        inputs: List of `(x, weights, mask)`: float tensor `(T, B, L, C)`, the dict of
            `add_sweep_weights`, and a boolean tensor `(T, B, L, 1)` or None. All share
            their T. Masked steps carry the state through and output zeros.
        cell: `"lstm"` or `"gru"`.
        training: Whether the hand-written backward pass is used.

    Returns:
        List of tensors `(T, B, L, 2 * units)`, both directions side by side.
    """
    inputs = [
        (x, weights, None if mask is None else ops.cast(mask, x.dtype))
        for x, weights, mask in inputs
    ]
    run = lstm if cell == "lstm" else gru
    results = run(
        [_direction(*each, cell, index) for each in inputs for index in range(2)],
        training=bool(training),
    )
    outputs = []
    for n, (_, _, mask) in enumerate(inputs):
        y = ops.concatenate([result[0] for result in results[2 * n : 2 * n + 2]], -1)
        outputs.append(y if mask is None else y * mask)
    return outputs


def _direction(x, weights, mask, cell, index):
    kernel, bias = weights["kernel"][index], weights["bias"][index]
    recurrent_kernel = weights["recurrent_kernel"][index]
    shape = (*ops.shape(x)[1:3], recurrent_kernel.shape[0])
    num_states = 2 if cell == "lstm" else 1
    if "initial_state" in weights:
        states = [
            ops.broadcast_to(weights["initial_state"][index, k], shape)
            for k in range(num_states)
        ]
    else:
        states = [ops.zeros(shape, x.dtype)] * num_states
    shared = {
        "inputs": x,
        "recurrent_kernel": recurrent_kernel,
        "kernel": kernel,
        "mask": mask,
        "reverse": index == 1,
    }
    if cell == "lstm":
        return LSTMDirection(h=states[0], c=states[1], bias=bias, **shared)
    return GRUDirection(h=states[0], bias=bias[0], recurrent_bias=bias[1], **shared)
