"""Trained weights as the beginning of another training."""

import numpy as np

from tfrecvis.tools.errors import UserError

# Weights with a slice for each word of a captioner's vocabulary, and its axis.
_WORD_AXES = {
    "decoder/word_embedding/embeddings": 0,
    "decoder/word_logits/kernel": 1,
    "decoder/word_logits/bias": 0,
}


def take_weights(model, source):
    """Copies the weights that fit from a trained model, layer by layer.

    A weight is taken where both models have one of the same path and shape. So a
    model for other classes takes all but its last layer. A captioner takes what belongs
    to each word that both vocabularies hold, at whatever places.

    Args:
        model: Keras model, which is changed.
        source: String: a preset's name, a run's directory, or a .keras file.

    Returns:
        String for the terminal: how much was taken, and what was not.

    Raises:
        UserError: there is no such model, or none of its weights fit.
    """
    from tfrecvis.tools.loading import load

    loaded = load(source)
    if loaded.signatures is None:
        raise UserError(
            f"--from takes a preset, a run's directory or a .keras file. {source} is "
            "none of them."
        )
    source_model = loaded.signatures[0].model
    own, theirs = _words(model), _words(source_model)
    known = {weight.path: weight for weight in source_model.weights}
    taken, left = 0, []
    for weight in model.weights:
        other = known.get(weight.path)
        if other is not None and own != theirs and weight.path in _WORD_AXES:
            other = _by_words(weight, other, own, theirs)
        if other is not None and other.shape == weight.shape:
            weight.assign(other)
            taken += 1
        else:
            left.append(weight.path.rpartition("/")[0])
    if not taken:
        raise UserError(
            f"None of the weights of {source} fits this model: their names and shapes "
            "differ. Use the [model] table of the recipe that it was trained by."
        )
    if own and theirs:
        left += [f"the word {word!r}" for word in own if word not in set(theirs)]
    new = ", ".join(dict.fromkeys(left[:20])) + (", ..." if len(left) > 20 else "")
    return f"{taken} of {len(model.weights)} weights taken from {source}" + (
        f"; new: {new}" if left else ""
    )


def _words(model):
    """The vocabulary of a captioner, and of other models None."""
    parts = {layer.name: layer for layer in model.layers}
    return getattr(parts.get("decoder"), "words", None)


def _by_words(weight, other, own, theirs):
    """The weight with what the other one has of the same words; None if it differs."""
    import keras

    axis = _WORD_AXES[weight.path]
    value, source = (
        np.moveaxis(keras.ops.convert_to_numpy(x).copy(), axis, 0)
        for x in (weight, other)
    )
    if not own or not theirs or value.shape[1:] != source.shape[1:]:
        return None
    places = {word: place for place, word in enumerate(theirs)}
    for place, word in enumerate(own):
        if word in places:
            value[place] = source[places[word]]
    return np.moveaxis(value, 0, axis)
