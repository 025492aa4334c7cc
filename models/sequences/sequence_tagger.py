"""A token in, a token out: a 2-LSTM, or the stack of LSTMs that it is compared with."""

import keras
from keras import layers, ops

from tfrecvis.layers import GridLSTM
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer

RECURRENCES = ("grid", "stacked")


@with_presets
def SequenceTagger(
    num_tokens, recurrence="grid", units=100, depth=8, tied=True, name="sequence_tagger"
):
    """SequenceTagger: a 2-LSTM (or stacked LSTMs) that answers with a token per step.

    Tokens enter as one-hot vectors, a recurrent network reads them from the first to
    the last, and a linear map of its output gives the logits of each step's token. A
    step sees the steps before it and itself.

    Reference: Kalchbrenner et al., 2015, sections 4.1 to 4.3
    (https://arxiv.org/abs/1507.01526).

    Args:
        num_tokens: Integer >= 2, different tokens.
        recurrence: `"grid"`: a `GridLSTM` over time and depth. `"stacked"`: `depth`
            layers of `keras.layers.LSTM`, of the widths that bring the parameters of
            the model nearest to those of the grid with the same `units`, `depth` and
            `tied`; in a tied grid the depth costs nothing. A deep stack beside a very
            small grid has more even at one unit per layer: compare `count_params()`.
        units: Positive integer, units of the grid. The paper has 400 for addition.
        depth: Positive integer, layers. The paper has up to 50.
        tied: Boolean; whether the layers of the grid share their weights.
        name: String, name of the model.

    Input shape: `(batch, steps)`, integers from 0 to `num_tokens - 1`, any length.
    Output shape: `(batch, steps, num_tokens)`, logits.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> grid = SequenceTagger(11, units=48, depth=6)
    >>> tuple(grid(keras.ops.zeros((2, 9), "int32")).shape)
    (2, 9, 11)
    >>> stacked = SequenceTagger(11, "stacked", units=48, depth=2)
    >>> grid.count_params(), stacked.count_params()
    (38939, 39105)
    """
    _check(num_tokens, recurrence, units, depth)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = ops.one_hot(tokens, num_tokens)
    grid = GridLSTM(units, depth, tied=tied, name="grid")
    if recurrence == "grid":
        x = grid(x)
    else:
        grid.build(x.shape)
        parameters = grid.count_params() + (units + 1) * num_tokens
        for index, width in enumerate(twin_units(parameters, num_tokens, depth), 1):
            x = layers.LSTM(width, return_sequences=True, name=f"lstm{index}")(x)
    logits = layers.Dense(num_tokens, dtype="float32", name="logits")(x)
    return keras.Model(tokens, logits, name=name)


def twin_units(parameters, num_tokens, depth):
    """Units of stacked LSTMs that have, with their head, a number of parameters.

    Args:
        parameters: Integer, of the model to match.
        num_tokens: Integer, features in and logits out.
        depth: Integer, LSTMs.

    Returns:
        List of the LSTMs' units, which differ by one at most, with the number of
        parameters that comes nearest.

    Example:

    >>> twin_units(38_939, num_tokens=11, depth=2)
    [55, 54]
    """

    def distance(widths):
        features = [num_tokens, *widths]
        lstms = sum(
            4 * units * (read + units + 1)
            for read, units in zip(features, widths, strict=False)
        )
        return lstms + (widths[-1] + 1) * num_tokens - parameters

    widths, narrower = [1] * depth, [1] * depth
    while distance(widths) < 0:
        narrower = list(widths)
        widths[widths.index(min(widths))] += 1  # one layer after the other
    return min(widths, narrower, key=lambda widths: abs(distance(widths)))


def _check(num_tokens, recurrence, units, depth):
    check_integer("num_tokens", num_tokens, least=2, hint="Count the separator, too.")
    hint = "'stacked' is the twin to compare with."
    check_choice("recurrence", recurrence, RECURRENCES, hint)
    check_integer("units", units, hint="Use, for instance, units=100.")
    check_integer("depth", depth, hint="Use, for instance, depth=8.")
