"""The captioner that comes with the package looks at the object that it names."""

import numpy as np
import pytest

from tfrecvis.data import SyntheticCaptions, Vocabulary
from tfrecvis.models import captioning, load_card, load_preset

SCENES = 100
SIZE = 64  # pixels


def shares_of(box, rows, columns):
    """What share of each place of a map lies in a box, in pixels of the image."""
    edges = [np.linspace(0, SIZE, count + 1) for count in (columns, rows)]
    inside = [
        np.clip(np.minimum(e[1:], high) - np.maximum(e[:-1], low), 0, None) / np.diff(e)
        for e, low, high in zip(edges, box[:2], box[2:], strict=True)
    ]
    return inside[1][:, None] * inside[0]


@pytest.mark.slow
def test_attention_lies_on_the_object_that_is_named():
    # Scenes of objects that the model has never seen; "test" is left to be scored once.
    reader = SyntheticCaptions("val", count=SCENES, size=SIZE, seed=7)
    scenes = list(reader.samples().as_numpy_iterator())
    model = load_preset("synthetic_captions")
    signature = captioning.signatures(model, beam_width=3, max_steps=22)[0]
    answer = signature(images=np.stack([s["image"] for s in scenes]))
    sentences = Vocabulary(load_card("synthetic_captions")["words"]).sentences(
        np.asarray(answer["tokens"])
    )
    maps = np.asarray(answer["attention"])
    mass, area, named = 0.0, 0.0, 0
    for scene, sentence, attention in zip(scenes, sentences, maps, strict=True):
        for shape, places in reader.mentions(sentence):
            (number,) = np.nonzero(scene["classes"] == shape)
            if not len(number):
                continue  # a shape that is not there
            inside = shares_of(scene["boxes"][number[0]], *attention.shape[1:])
            mass += (attention[places] * inside).sum()
            area += len(places) * inside.mean()
            named += 1
    assert named > 1.5 * SCENES
    assert mass > 3 * area, mass / area
