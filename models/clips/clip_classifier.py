"""LRCN for activities: an LSTM reads the frames of a clip, and names it at each one."""

import keras
from keras import layers, ops

from tfrecvis.layers import ContextualLSTM, GroupNodes
from tfrecvis.models.captioning.encoder import build_encoder
from tfrecvis.models.clips.answers import real_frames
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import as_integers, check_choice, check_integer, check_number

RECURRENCES = ("lstm", "none")


@with_presets
def ClipClassifier(
    num_classes,
    recurrence="lstm",
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96),
    backbone_blocks=(0, 1, 1),
    context="renet",
    context_units=48,
    context_layers=0,
    feature_units=4096,
    units=256,
    dropout=0.0,
    input_shape=(224, 224, 3),
    name="clip_classifier",
):
    """ClipClassifier: LRCN, an LSTM that reads the frames of a clip, and a class.

    The same backbone sees every frame x[t]; a fully connected layer turns its whole map
    into features, and an LSTM reads these from the first frame to the last:

        v[t] = relu(W . flatten(backbone(x[t])) + b)
        h[t], c[t] = LSTM(v[t], h[t - 1], c[t - 1])
        logits[t] = W_y . h[t] + b_y

    Every frame is trained to name the clip; the answer is the class whose probability,
    averaged over the frames, is highest (`tfrecvis.models.clips.signatures`). `fit`
    takes a class for each frame, the clip's own:

        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        model.fit(clips, np.repeat(classes[:, None], clips.shape[1], axis=1))

    Frames of zeros are padding: they leave the state as it is, and count neither in
    the answer nor, with `sample_weight` `(batch, frames)`, in the loss. The
    backbone's batch normalisation sees them in training.

    Reference: Donahue et al., 2015, section 4, LRCN-fc6
    (https://arxiv.org/abs/1411.4389).
    Differs from the paper: a backbone trained from scratch, unless one with weights is
    chosen; the context; a clip is read whole, and not as overlapping ones of 16 frames.

    Args:
        num_classes: Integer >= 2.
        recurrence: `"lstm"`; or `"none"`, the paper's single-frame baseline: the logits
            are those of the features of each frame, and the order of the frames does
            not matter. `units` is not used then.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context, context_units, context_layers: Recurrent layers over the map of each
            frame, none by default; see `tfrecvis.models.LRCN`.
        feature_units: Positive integer, features of a frame (fc6).
        units: Positive integer, units of the LSTM.
        dropout: Share of the features and of the LSTM's outputs that is dropped in
            training, in [0, 1).
        input_shape: `(height, width, 3)` of all frames.
        name: String, name of the model.

    Input shape: `(batch, frames, *input_shape)`, RGB, 0-255, integers or floats; any
        number of frames.
    Output shape: `(batch, frames, num_classes)`, logits.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = ClipClassifier(6, backbone_filters=(4, 8), backbone_blocks=(0, 0),
    ...                        feature_units=16, units=8, input_shape=(32, 32, 3))
    >>> tuple(model(keras.ops.zeros((2, 5, 32, 32, 3))).shape)
    (2, 5, 6)
    """
    _check(num_classes, recurrence, feature_units, units, dropout, input_shape)
    encoder = build_encoder(
        backbone,
        weights,
        backbone_filters,
        backbone_blocks,
        context,
        context_units,
        context_layers,
        input_shape,
        pooled=False,
    )
    clips = keras.Input((None, *input_shape), name="clips")
    maps = encoder(ops.reshape(clips, (-1, *input_shape)))  # (B * T, rows, columns, C)
    x = layers.Flatten(name="flatten")(maps)
    x = layers.Dense(feature_units, activation="relu", name="features")(x)
    x = GroupNodes(name="frames")(ops.expand_dims(x, 1), clips)  # (B, T, features)
    x = layers.Dropout(dropout, name="features_dropout")(x)
    if recurrence == "lstm":
        lstm = ContextualLSTM(
            units, 0, peepholes=False, return_sequences=True, name="lstm"
        )
        x = lstm(x, mask=real_frames(clips))
        x = layers.Dropout(dropout, name="lstm_dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(clips, logits, name=name)


def _check(num_classes, recurrence, feature_units, units, dropout, input_shape):
    check_integer("num_classes", num_classes, least=2)
    hint = '"none" is the twin that sees each frame alone.'
    check_choice("recurrence", recurrence, RECURRENCES, hint)
    check_integer("feature_units", feature_units)
    check_integer("units", units)
    check_number("dropout", dropout, below=1, hint="For 20 percent, use 0.2.")
    hint = "It is (height, width, 3), the same for all frames."
    as_integers("input_shape", input_shape, count=3, hint=hint)
