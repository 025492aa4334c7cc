"""Trained weights as the beginning of another training."""

from tfrecvis.tools.errors import UserError


def take_weights(model, source):
    """Copies the weights that fit from a trained model, layer by layer.

    A weight is taken where both models have one of the same path and shape. So a
    model for other classes takes all but its last layer.

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
    known = {weight.path: weight for weight in loaded.signatures[0].model.weights}
    taken, left = 0, []
    for weight in model.weights:
        other = known.get(weight.path)
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
    new = ", ".join(dict.fromkeys(left))
    return f"{taken} of {len(model.weights)} weights taken from {source}" + (
        f"; new: {new}" if left else ""
    )
