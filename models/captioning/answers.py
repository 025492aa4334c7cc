"""From images to sentences: beam search over a decoder's steps, the same everywhere."""

import functools

import numpy as np
from keras import ops

from tfrecvis.layers.caption_decoder import NEVER, CaptionDecoder
from tfrecvis.models.captioning.comparison import compare_captions
from tfrecvis.models.signature import Signature, Spec, image_spec
from tfrecvis.ops import beam_search
from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.ops.words import END, START, UNKNOWN


def signatures(model, beam_width=3, length_power=0.0, max_steps=20):
    """The signatures of a model that says what an image shows.

    `serving_default` takes `images`, uint8 `(batch, height, width, 3)`, RGB, 0-255, and
    answers with the best sentence that a beam search finds:

    - `tokens`, int32 `(batch, max_steps)`, the words, then 0;
    - `scores`, float32 `(batch,)`, the sum of the natural logarithms of the words'
      probabilities, over the penalty of `beam_search` for the length;
    - `lengths`, int32 `(batch,)`, the number of words;
    - of a model with attention, `attention`, float32 `(batch, max_steps, rows,
      columns)`, where each word looked; zeros after the last word.

    `captions`, in SavedModels only, answers with `captions`, strings `(batch,)`, as
    well. `encode` and `step` are the same word by word, for programs with a search of
    their own: `encode` takes `images` and gives the state before the first word and
    what stays the same over a sentence; `step` takes these and `tokens`, int32
    `(batch,)`, the last words, and gives `probabilities`, float32 `(batch,
    vocabulary)`, and the next state, under names that begin with `next_`. The first
    token is 2, the start; 3 is the end.

    The unknown word is never said: its probability goes to the others.

    Args:
        model: What a builder of `tfrecvis.models.captioning` returned, or such a model
            from a file.
        beam_width: Positive integer, at most the size of the vocabulary.
        length_power: Number, 0 for the plain sum of logarithms, which prefers short
            sentences.
        max_steps: Positive integer, the most words.

    Returns:
        List of four `tfrecvis.models.Signature`. `export_examples` makes the examples
        that `export_model` needs for them.

    Raises:
        ValueError: the model says no captions, or an argument is out of range.

    Example:

    >>> from tfrecvis.models import ShowAndTell
    >>> model = ShowAndTell(["", "[UNK]", "[start]", "[end]", "dog"], units=8,
    ...                     backbone_filters=(8, 8), backbone_blocks=(0, 0))
    >>> [signature.name for signature in signatures(model)]
    ['serving_default', 'captions', 'encode', 'step']
    """
    words = words_of(model)
    check_integer("beam_width", beam_width)
    check_integer("max_steps", max_steps)
    check_number("length_power", length_power)
    if beam_width > len(words):
        raise ValueError(
            f"`beam_width` must be at most the size of the vocabulary, {len(words)}. "
            f"Received: beam_width={beam_width}."
        )
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    images = {"images": image_spec(encoder)}
    search = functools.partial(
        _caption,
        beam_width=beam_width,
        length_power=float(length_power),
        max_steps=max_steps,
    )
    batch = ("batch",)
    answers = {
        "tokens": Spec(("batch", max_steps), "int32", what="words; then zeros"),
        "scores": Spec(
            batch, "float32", what="logarithm of the sentence's probability"
        ),
        "lengths": Spec(batch, "int32", what="numbers of words"),
    }
    state, context = _state_specs(decoder, encoder.outputs[0].shape)
    if hasattr(decoder, "attention"):
        axes = context["annotations"].axes[1:3]
        answers["attention"] = Spec(
            ("batch", max_steps, *axes),
            "float32",
            what="share of its attention that each word gave a place; then zeros",
        )
    strings = Spec(batch, "string", what="sentences")
    probabilities = Spec(
        ("batch", len(words)), "float32", what="probability of each next word"
    )
    last = {"tokens": Spec(batch, "int32", what="the last words; first 2, the start")}
    return [
        Signature("serving_default", model, search, images, answers, compare_captions),
        Signature(
            "captions",
            model,
            functools.partial(_say, search=search),
            images,
            {"captions": strings, **answers},
            compare_captions,
            formats=("saved_model",),
        ),
        Signature("encode", model, _encode, images, {**state, **context}),
        Signature(
            "step",
            model,
            functools.partial(_step, names=(tuple(state), tuple(context))),
            {**last, **state, **context},
            {"probabilities": probabilities, **_next(state)},
        ),
    ]


def words_of(model):
    """The vocabulary of a model that says captions: the index of a word is its token.

    Raises:
        ValueError: the model says no captions.

    Example:

    >>> from tfrecvis.models import ShowAndTell
    >>> words = ["", "[UNK]", "[start]", "[end]", "dog"]
    >>> model = ShowAndTell(words, units=8, backbone_filters=(8, 8),
    ...                     backbone_blocks=(0, 0))
    >>> words_of(model)[4]
    'dog'
    """
    parts = {layer.name: layer for layer in getattr(model, "layers", [])}
    decoder = parts.get("decoder")
    if not isinstance(decoder, CaptionDecoder) or "encoder" not in parts:
        raise ValueError(
            "`model` must be one of `tfrecvis.models.captioning`, such as ShowAndTell. "
            f"Received: {getattr(model, 'name', model)!r}."
        )
    return list(decoder.words)


def export_examples(signatures, images):
    """Examples of every signature of a captioner, for `export_model`.

    Args:
        signatures: What `signatures` returned.
        images: uint8 array `(batch, height, width, 3)`.

    Returns:
        Dict of a signature's name to a dict of its inputs; those of `step` are the
        start tokens of these images.

    Example:

    >>> from tfrecvis.models import ShowAndTell
    >>> model = ShowAndTell(["", "[UNK]", "[start]", "[end]", "dog"], units=8,
    ...                     backbone_filters=(8, 8), backbone_blocks=(0, 0))
    >>> photos = np.zeros((2, 8, 8, 3), "uint8")
    >>> sorted(export_examples(signatures(model), photos)["step"])
    ['c', 'h', 'tokens']
    """
    images = {"images": images}
    by_name = {signature.name: signature for signature in signatures}
    encoded = by_name["encode"](images=ops.convert_to_tensor(images["images"]))
    encoded = {name: ops.convert_to_numpy(value) for name, value in encoded.items()}
    tokens = np.full(len(images["images"]), START, "int32")
    return {
        "serving_default": images,
        "captions": images,
        "encode": images,
        "step": {"tokens": tokens, **encoded},
    }


def _begin(model, images):
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    images = ops.cast(images, encoder.inputs[0].dtype)
    features = encoder(images, training=False)
    return decoder, *decoder.begin(features)


def said(decoder, tokens, state, context):
    """A step of a decoder that never says the unknown word."""
    logits, state = decoder.step(tokens, state, context)
    unknown = ops.arange(logits.shape[-1], dtype="int32") == UNKNOWN
    return ops.where(unknown, NEVER, logits), state


def _caption(model, /, images, *, beam_width, length_power, max_steps):
    decoder, state, context = _begin(model, images)
    # The searched state has a row for each beam; rows of an image stand side by side.
    wide = {name: ops.repeat(x, beam_width, axis=0) for name, x in context.items()}
    found = beam_search(
        lambda tokens, state: said(decoder, tokens, state, wide),
        state,
        START,
        END,
        max_steps,
        beam_width,
        length_power,
    )
    answer = {
        "tokens": found.tokens[:, 0],
        "scores": found.scores[:, 0],
        "lengths": found.lengths[:, 0],
    }
    if hasattr(decoder, "attention"):
        maps = decoder.attention(answer["tokens"], state, context)
        steps = ops.arange(max_steps, dtype="int32")
        spoken = steps < answer["lengths"][:, None]
        answer["attention"] = ops.where(spoken[..., None, None], maps, 0.0)
    return answer


def _say(model, /, images, *, search):
    from tfrecvis.data.spoken import spoken

    answer = search(model, images)
    return {"captions": spoken(answer["tokens"], words_of(model)), **answer}


def _encode(model, /, images):
    _, state, context = _begin(model, images)
    return {name: ops.cast(x, "float32") for name, x in {**state, **context}.items()}


def _step(model, /, *, tokens, names, **given):
    decoder = model.get_layer("decoder")
    state, context = (
        {name: ops.cast(given[name], decoder.compute_dtype) for name in part}
        for part in names
    )
    logits, state = said(decoder, tokens, state, context)
    state = {name: ops.cast(x, "float32") for name, x in state.items()}
    return {"probabilities": ops.softmax(logits), **_next(state)}


def _next(state):
    # ONNX has no output of an input's name.
    return {f"next_{name}": x for name, x in state.items()}


def _state_specs(decoder, features_shape):
    """Specs of what `begin` gives: vectors, or maps of the image's places."""
    places = ("rows", "columns")
    sizes = [1 if size is None else size for size in features_shape]
    begun = decoder.begin(ops.zeros(sizes, decoder.compute_dtype))

    def spec(x):
        axes = ("batch", *x.shape[1:])
        if len(x.shape) == 4:
            known = zip(places, features_shape[1:3], strict=True)
            axes = ("batch", *(size or name for name, size in known), x.shape[-1])
        return Spec(axes, "float32")

    return [{name: spec(x) for name, x in part.items()} for part in begun]
