"""The card that travels inside every artefact: what its numbers mean.

A dict that JSON can hold, written as `model.json`: in the `assets` of a SavedModel, in
the ZIP archive of associated files at the end of a LiteRT file, and as an entry of an
ONNX file's metadata. A task puts in what evaluating and drawing need, such as
`class_names`; `signatures` says what goes in.
"""

import json

from tfrecvis.version import __version__


def complete_card(card, signatures):
    """Returns a card with the inputs of the signatures and the version of tfrecvis.

    Args:
        card: Dict, or None.
        signatures: List of `tfrecvis.models.Signature`.

    Raises:
        ValueError: the card is no dict that JSON can hold.

    Example:

    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> model = SequenceTagger(11, units=4, depth=2)
    >>> card = complete_card({"task": "sequences"}, sequences.signatures(model))
    >>> card["task"], card["signatures"]["serving_default"]["tokens"]["dtype"]
    ('sequences', 'int32')
    """
    card = {} if card is None else card
    if not isinstance(card, dict):
        raise ValueError(f"`card` must be a dict. Received: {type(card).__name__}.")
    for key in ("name", "description"):
        if not isinstance(card.get(key, ""), str):
            raise ValueError(
                f"`card[{key!r}]` must be a string. Received: {card[key]!r}."
            )
    if not all(isinstance(name, str) for name in card.get("class_names") or ()):
        raise ValueError(
            "`card['class_names']` must be a list of strings. Received: "
            f"{card['class_names']!r}."
        )
    described = {"signatures": inputs_of(signatures), "tfrecvis": __version__}
    try:
        return json.loads(card_text({**card, **described}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`card` must be a dict that JSON can hold. Received: {error}."
        ) from error


def inputs_of(signatures):
    """Returns what signatures take: a dict by signature and input that JSON can hold.

    Args:
        signatures: List of `tfrecvis.models.Signature`.
    """
    return {
        signature.name: {
            name: {"axes": list(spec.axes), "dtype": spec.dtype, "image": spec.image}
            for name, spec in signature.inputs.items()
        }
        for signature in signatures
    }


def card_text(card):
    """Returns a card as JSON text."""
    return json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
