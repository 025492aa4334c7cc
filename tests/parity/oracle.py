"""What tensorflow-addons answers: `python oracle.py OUT.npz`, in `.venv-parity`.

The file holds inputs and outputs of each case under `<case>/<name>`. The numbers
are drawn here, so that the two environments need nothing in common but NumPy's format.
"""

import sys

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

START, END = 1, 2


class TableRNN(tf.keras.layers.AbstractRNNCell):
    """h' = tanh(embeddings[token] + h . recurrent), whose output is h' . kernel."""

    def __init__(self, recurrent, kernel):
        super().__init__()
        self.recurrent, self.kernel = recurrent, kernel

    @property
    def state_size(self):
        return self.recurrent.shape[0]

    @property
    def output_size(self):
        return self.kernel.shape[1]

    def call(self, inputs, states):
        h = tf.tanh(inputs + states @ self.recurrent)
        return h @ self.kernel, h


def beam_search(rng, beam_width, length_power, batch=4, size=9, units=6, steps=7):
    draw = {
        "embeddings": rng.normal(size=(size, units)),
        "recurrent": rng.normal(size=(units, units)),
        "kernel": 2 * rng.normal(size=(units, size)),
        "h": rng.normal(size=(batch, units)),
    }
    draw = {name: x.astype("float32") for name, x in draw.items()}
    decoder = tfa.seq2seq.BeamSearchDecoder(
        TableRNN(draw["recurrent"], draw["kernel"]),
        beam_width,
        length_penalty_weight=length_power,
        maximum_iterations=steps,
    )
    outputs, state, _ = decoder(
        tf.constant(draw["embeddings"]),
        start_tokens=tf.fill([batch], START),
        end_token=END,
        initial_state=tfa.seq2seq.tile_batch(tf.constant(draw["h"]), beam_width),
    )
    return {
        **draw,
        "length_power": length_power,
        "steps": steps,
        "tokens": tf.transpose(outputs.predicted_ids, [0, 2, 1]),
        "scores": outputs.beam_search_decoder_output.scores[:, -1],
        "log_probs": state.log_probs,
        "lengths": state.lengths,
    }


def attention(rng, normalize, batch=3, places=5, features=4, hidden=6, units=7):
    memory = rng.normal(size=(batch, places, features)).astype("float32")
    query = rng.normal(size=(batch, hidden)).astype("float32")
    lengths = np.array([5, 3, 1])
    layer = tfa.seq2seq.BahdanauAttention(
        units,
        memory,
        memory_sequence_length=lengths,
        normalize=normalize,
        kernel_initializer=tf.keras.initializers.Constant(
            rng.normal(size=units).astype("float32")
        ),
    )
    zeros = tf.zeros((batch, places))
    layer([query, zeros])  # makes the weights of the query
    if normalize:
        bias = rng.normal(size=units).astype("float32")
        layer.attention_b.assign(bias)
        layer.attention_g.assign(1.7)
    alpha, _ = layer([query, zeros])
    context = tf.einsum("bl,blf->bf", alpha, memory)
    found = {"annotation_kernel": layer.memory_layer.kernel}
    found |= {"hidden_kernel": layer.query_layer.kernel, "v": layer.attention_v}
    if normalize:
        found |= {"g": layer.attention_g, "b": layer.attention_b}
    return {
        **found,
        "memory": memory,
        "query": query,
        "lengths": lengths,
        "alpha": alpha,
        "context": context,
    }


def focal_loss(rng):
    logits = 3 * rng.normal(size=(6, 5)).astype("float32")
    targets = rng.integers(0, 2, (6, 5)).astype("float32")
    with tf.GradientTape() as tape:
        x = tf.constant(logits)
        tape.watch(x)
        loss = tfa.losses.SigmoidFocalCrossEntropy(
            from_logits=True, alpha=0.3, gamma=1.5, reduction="none"
        )(targets, x)
    gradient = tape.gradient(loss, x)
    return {"logits": logits, "targets": targets, "loss": loss, "gradient": gradient}


def giou_loss(rng):
    corners = rng.uniform(0, 8, (40, 2, 2)).astype("float32")
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 6, (40, 2, 2))], -1)
    boxes, others = np.moveaxis(boxes.astype("float32"), 1, 0)  # xyxy
    others[0], others[1] = boxes[0], boxes[1] + 20
    turn = [1, 0, 3, 2]  # tensorflow-addons has ymin, xmin, ymax, xmax
    with tf.GradientTape() as tape:
        x = tf.constant(boxes)
        tape.watch(x)
        turned = tf.gather(x, turn, axis=-1)
        loss = tfa.losses.GIoULoss(reduction="none")(others[:, turn], turned)
    gradient = tape.gradient(loss, x)
    return {"boxes": boxes, "others": others, "loss": loss, "gradient": gradient}


def peephole_lstm(rng, batch=2, steps=5, features=3, units=4):
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    cell = tfa.rnn.PeepholeLSTMCell(units)
    layer = tf.keras.layers.RNN(cell, return_sequences=True, return_state=True)
    layer(x)
    weights = [rng.normal(size=w.shape).astype("float32") for w in cell.get_weights()]
    cell.set_weights(weights)
    y, h, c = layer(x)
    found = {w.name.split("/")[-1].split(":")[0]: w for w in cell.weights}
    return {**found, "x": x, "y": y, "last_h": h, "last_c": c}


CASES = {
    "beam5": lambda rng: beam_search(rng, 5, 0.0),
    "beam3_normalised": lambda rng: beam_search(rng, 3, 0.8),
    "beam1": lambda rng: beam_search(rng, 1, 0.0),
    "attention": lambda rng: attention(rng, normalize=False),
    "attention_normalised": lambda rng: attention(rng, normalize=True),
    "focal_loss": focal_loss,
    "giou_loss": giou_loss,
    "peephole_lstm": peephole_lstm,
}


def main(path):
    found = {}
    for number, (case, run) in enumerate(CASES.items()):
        tf.keras.utils.set_random_seed(number)
        for name, value in run(np.random.default_rng(number)).items():
            found[f"{case}/{name}"] = np.asarray(value)
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
