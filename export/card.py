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
    described = {"signatures": inputs_of(signatures), "tfrecvis": __version__}
    whole = {**(card or {}), **described}
    try:
        return json.loads(card_text(whole))
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
