"""Show, Attend and Tell: an LSTM that looks at the image anew before each word."""

from tfrecvis.layers import HardShowAttendTellDecoder, ShowAttendTellDecoder
from tfrecvis.models.captioning.encoder import BLOCKS, FILTERS, build_encoder, captioner
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice

ATTENTIONS = ("soft", "hard")


@with_presets
def ShowAttendTell(
    words,
    backbone="conv",
    weights=None,
    backbone_filters=FILTERS,
    backbone_blocks=BLOCKS,
    context="renet",
    context_units=48,
    context_layers=0,
    units=512,
    embedding_size=512,
    attention="soft",
    attention_units=512,
    penalty=1.0,
    reinforce_weight=0.1,
    entropy_weight=0.002,
    dropout=0.5,
    sampling=0.0,
    sampling_steps=0,
    input_shape=(None, None, 3),
    name="show_attend_tell",
):
    """ShowAttendTell: an LSTM that looks at the image anew before each word.

    Each place of the backbone's map is weighed by how well it fits the LSTM's state,
    and the LSTM reads their mean, or with hard attention one of them, along with the
    last word. `fit` trains it with
    `tfrecvis.losses.CaptionCrossEntropy` on captions as both input and target; the
    penalty that makes it look at every place adds itself, and so does the term of
    REINFORCE that trains hard attention. Its signatures answer with
    the map of attention of each word.

    Reference: Xu et al., 2015 (https://arxiv.org/abs/1502.03044).
    Differs from the paper: see `tfrecvis.layers.ShowAttendTellDecoder`; a backbone
    trained from scratch, unless one with weights is chosen; the context; one layer in
    place of two for the first state and for the attention.

    Args:
        words: List of strings, the vocabulary: the index of a word is its token. It
            begins with `"", "[UNK]", "[start]", "[end]"`, as the `words` of a
            `tfrecvis.data.Vocabulary` do. The model keeps it.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        context_units: Positive integer, units of each sweep.
        context_layers: Integer, layers of context; 0 leaves them out.
        units: Positive integer, units of the LSTM.
        embedding_size: Positive integer, size of the vectors of words.
        attention: `"soft"`, the expectation over all places; or `"hard"`, one place:
            drawn in training, the likeliest one otherwise.
        attention_units: Positive integer, hidden units of the attention network.
        penalty: Number, the weight of the doubly stochastic penalty, lambda.
        reinforce_weight, entropy_weight: Numbers, of hard attention only; see
            `tfrecvis.layers.HardShowAttendTellDecoder`.
        dropout: Share of the vectors of words, of the LSTM's outputs and of the last
            layer's inputs that is dropped in training, in [0, 1).
        sampling, sampling_steps: Number in [0, 1) and integer, scheduled sampling: the
            highest share of words read in training that the model draws itself, and the
            steps over which it grows from 0; see the decoder.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: dict of `images` `(batch, height, width, 3)`, RGB, 0-255; and `tokens`
        `(batch, captions, steps)`, int32: words, the end token, then 0.
    Output shape: `(batch, captions, steps, vocabulary)`, logits.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> import keras
    >>> words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    >>> model = ShowAttendTell(words, backbone_filters=(8, 8), backbone_blocks=(0, 0),
    ...                        units=8, embedding_size=8, attention_units=8)
    >>> batch = {"images": keras.ops.zeros((2, 16, 16, 3)),
    ...          "tokens": keras.ops.convert_to_tensor([[[4, 5, 3]]] * 2)}
    >>> tuple(model(batch).shape)
    (2, 1, 3, 6)
    """
    check_choice("attention", attention, ATTENTIONS)
    layer, more = ShowAttendTellDecoder, {}
    if attention == "hard":
        layer = HardShowAttendTellDecoder
        more = {"reinforce_weight": reinforce_weight, "entropy_weight": entropy_weight}
    decoder = layer(
        words,
        units,
        embedding_size,
        dropout,
        attention_units,
        penalty,
        sampling=sampling,
        sampling_steps=sampling_steps,
        name="decoder",
        **more,
    )
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
    return captioner(encoder, decoder, name)
