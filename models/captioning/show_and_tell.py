"""Show and Tell: an LSTM that sees the image once and says a sentence."""

from tfrecvis.layers import ShowAndTellDecoder
from tfrecvis.models.captioning.encoder import BLOCKS, FILTERS, build_encoder, captioner
from tfrecvis.models.presets import with_presets


@with_presets
def ShowAndTell(
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
    dropout=0.3,
    sampling=0.0,
    sampling_steps=0,
    input_shape=(None, None, 3),
    name="show_and_tell",
):
    """ShowAndTell: an LSTM that sees the image once and then says a sentence.

    The backbone's map, averaged over all places, is what the LSTM reads before the
    start token; from there on it reads the words. `fit` trains it with
    `tfrecvis.losses.CaptionCrossEntropy` on captions as both input and target: the
    model itself shows the decoder the words before. `tfrecvis.models.captioning.
    signatures` says sentences by beam search.

    Reference: Vinyals et al., 2015 (https://arxiv.org/abs/1411.4555).
    Differs from the paper: a backbone trained from scratch, unless one with weights is
    chosen; the context.

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
        embedding_size: Positive integer, size of the vectors of words and images.
        dropout: Share of the vectors of words and of the LSTM's outputs that is
            dropped in training, in [0, 1).
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
    >>> model = ShowAndTell(words, backbone_filters=(8, 8), backbone_blocks=(0, 0),
    ...                     units=8, embedding_size=8)
    >>> batch = {"images": keras.ops.zeros((2, 16, 16, 3)),
    ...          "tokens": keras.ops.convert_to_tensor([[[4, 5, 3]]] * 2)}
    >>> tuple(model(batch).shape)
    (2, 1, 3, 6)
    """
    decoder = ShowAndTellDecoder(
        words,
        units,
        embedding_size,
        dropout,
        sampling=sampling,
        sampling_steps=sampling_steps,
        name="decoder",
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
        pooled=True,
    )
    return captioner(encoder, decoder, name)
