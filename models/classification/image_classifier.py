"""A recurrent network over the patches of an image, then a class."""

import keras
from keras import layers

from tfrecvis.layers import GridLSTM, ReNet
from tfrecvis.models.context import CORNERS
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import as_integers, check_choice, check_integer, check_number

CONTEXTS = ("renet", "grid")


@with_presets
def ImageClassifier(
    num_classes,
    context="renet",
    units=256,
    num_layers=2,
    patch_size=2,
    cell="lstm",
    dense_units=(4096,),
    dropout=0.0,
    input_shape=(28, 28, 1),
    name="image_classifier",
):
    """ImageClassifier: ReNet layers or 3-LSTMs over the patches of an image, a class.

    The image, scaled to 0-1, is cut into square patches, which become a map of
    recurrent features; the whole map goes through fully connected layers to the logits.

    References: Visin et al., 2015 (https://arxiv.org/abs/1505.00393) for ReNet;
    Kalchbrenner et al., 2015, section 4.6 (https://arxiv.org/abs/1507.01526) for the
    3-LSTM.
    Differs from the papers: the four 3-LSTMs, one from each corner, run side by side
    and are concatenated.

    Args:
        num_classes: Integer >= 2.
        context: `"renet"`: ReNet layers, each on the patches of the map before it.
            `"grid"`: four 3-LSTMs (rows, columns, depth) of untied layers on the
            patches of the image, each from another corner.
        units: Positive integer, units of each sweep or 3-LSTM.
        num_layers: Positive integer, ReNet layers, or the depth of the 3-LSTMs.
        patch_size: Positive integer, side of a patch.
        cell: `"lstm"` or `"gru"`, of the ReNet layers.
        dense_units: Tuple of positive integers, fully connected layers before the last.
        dropout: Share in [0, 1) that is dropped of the map and after each of
            these layers.
        input_shape: `(height, width, channels)`, both divisible by `patch_size`.
        name: String, name of the model.

    Input shape: `(batch, *input_shape)`, 0-255, integers or floats.
    Output shape: `(batch, num_classes)`, logits.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = ImageClassifier(10, "grid", 8, patch_size=7, dense_units=(16,))
    >>> tuple(model(keras.ops.zeros((2, 28, 28, 1))).shape)
    (2, 10)
    """
    _check(num_classes, context, num_layers, patch_size, dense_units, dropout)
    _check_sizes(input_shape, patch_size)
    images = keras.Input(input_shape, name="images")
    maps = layers.Rescaling(1 / 255, name="scale")(images)
    if context == "renet":
        for index in range(1, num_layers + 1):
            maps = ReNet(units, cell, patch_size, name=f"renet{index}")(maps)
    else:
        maps = _patches(maps, patch_size)
        scans = [
            GridLSTM(
                units, num_layers, tied=False, reverse=reverse, name=f"grid_{corner}"
            )(maps)
            for corner, reverse in CORNERS.items()
        ]
        maps = layers.Concatenate(name="corners")(scans)
    x = layers.Flatten(name="flatten")(maps)
    for index, count in enumerate(dense_units, 1):
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
        x = layers.Dense(count, activation="relu", name=f"dense{index}")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def _patches(images, size):
    """Pixels of a patch as the channels of one position."""
    _, height, width, channels = images.shape
    rows, columns = height // size, width // size
    x = layers.Reshape((rows, size, columns, size * channels), name="rows")(images)
    x = layers.Permute((1, 3, 2, 4), name="patches")(x)
    return layers.Reshape((rows, columns, size * size * channels), name="pixels")(x)


def _check(num_classes, context, num_layers, patch_size, dense_units, dropout):
    check_choice("context", context, CONTEXTS, "'grid' is for 3-LSTMs.")
    check_integer("num_classes", num_classes, least=2)
    check_integer("num_layers", num_layers)
    check_integer("patch_size", patch_size)
    as_integers("dense_units", dense_units, hint="One per layer; use () for none.")
    check_number("dropout", dropout, below=1, hint="For 20 percent, use 0.2.")


def _check_sizes(input_shape, patch_size):
    hint = "It is (height, width, channels); MNIST has (28, 28, 1)."
    as_integers("input_shape", input_shape, count=3, hint=hint)
    if any(side % patch_size for side in input_shape[:2]):
        raise ValueError(
            "`patch_size` must divide the height and the width of the images. "
            f"Received: patch_size={patch_size!r}, input_shape={input_shape}. "
            "Use 2, 4 or 7 for 28x28."
        )
