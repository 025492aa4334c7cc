"""The card: what it says, and that it is made of what JSON can hold."""

import json

import pytest

from tfrecvis.export.card import card_text, complete_card, inputs_of
from tfrecvis.models import Signature, Spec
from tfrecvis.version import __version__

INPUTS = {
    "images": Spec(("batch", "height", "width", 3), "uint8", image=True),
    "prompt": Spec(("batch",), "string"),
}
SIGNATURES = [Signature("serving_default", None, None, INPUTS, {})]


def test_a_card_says_what_signatures_take_and_which_version_wrote_it():
    card = complete_card({"task": "captioning", "colours": ((1, 2, 3),)}, SIGNATURES)
    assert card == {
        "task": "captioning",
        "colours": [[1, 2, 3]],
        "signatures": {
            "serving_default": {
                "images": {
                    "axes": ["batch", "height", "width", 3],
                    "dtype": "uint8",
                    "image": True,
                },
                "prompt": {"axes": ["batch"], "dtype": "string", "image": False},
            }
        },
        "tfrecvis": __version__,
    }


def test_without_a_card_there_are_signatures_and_version():
    assert list(complete_card(None, SIGNATURES)) == ["signatures", "tfrecvis"]


def test_a_card_is_not_changed_and_cannot_contradict_the_signatures():
    given = {"signatures": "other", "tfrecvis": "0"}
    card = complete_card(given, SIGNATURES)
    assert card["signatures"] == inputs_of(SIGNATURES)
    assert card["tfrecvis"] == __version__
    assert given == {"signatures": "other", "tfrecvis": "0"}


def test_the_text_of_a_card_is_json_with_umlauts_as_they_are():
    text = card_text({"class_names": ["Vögel"]})
    assert "Vögel" in text
    assert json.loads(text) == {"class_names": ["Vögel"]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        card_text({"score": float("inf")})
