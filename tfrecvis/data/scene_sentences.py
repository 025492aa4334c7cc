"""Sentences about two or three objects and how they lie, from a small grammar."""

import itertools
from typing import NamedTuple

SIZES = ("small", "big")
COLOURS = {
    "red": (205, 40, 40),
    "green": (30, 150, 60),
    "blue": (45, 85, 220),
    "yellow": (240, 220, 50),
    "purple": (145, 55, 185),
    "orange": (245, 140, 25),
    "white": (246, 246, 242),
    "black": (18, 18, 22),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring", "star")

# Each word of meaning and the paraphrase that one sentence in five has in its place.
PARAPHRASES = {
    "small": "little",
    "big": "large",
    "left of": "to the left of",
    "right of": "to the right of",
    "above": "over",
    "below": "under",
}
PARAPHRASED = 0.2

_INVERSE = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}
# A, B and C are objects, AB says how A lies to B.
_OF_TWO = (
    "{A} {AB} {B}",
    "{A} is {AB} {B}",
    "there is {A} {AB} {B}",
    "{B} {BA} {A}",
    "{B} is {BA} {A}",
)
_OF_THREE = (
    "{A} {AB} {B} and {AC} {C}",
    "{A} is {AB} {B} and {AC} {C}",
    "there is {A} {AB} {B} and {AC} {C}",
    "{B} is {BA} {A} which is {AC} {C}",
    "{C} is {CA} {A} which is {AB} {B}",
)


class Thing(NamedTuple):
    """An object of a scene.

    Fields:
        size: String, one of `SIZES`.
        colour: String, a key of `COLOURS`.
        shape: String, one of `SHAPES`.

    Example:

    >>> Thing("big", "red", "ring").shape
    'ring'
    """

    size: str
    colour: str
    shape: str


def things_of(split):
    """The objects that the scenes of a split are made of.

    A size, a colour and a shape make 96 objects: 72 are for training, 12 to validate on
    and 12 to test on. Of each object that is held out, all pairs of its words occur in
    training: red stars and big stars and big red things, but no big red star.

    Args:
        split: "train", "val" or "test".

    Raises:
        ValueError: `split` is none of these.

    Example:

    >>> [len(things_of(split)) for split in ("train", "val", "test")]
    [72, 12, 12]
    """
    splits = ("val", "test", "train")
    if split not in splits:
        raise ValueError(
            f"There is no split {split!r}: `split` must be 'train', 'val' or 'test'."
        )
    found = []
    numbered = (enumerate(words) for words in (SIZES, COLOURS, SHAPES))
    for (size, _), (colour, _), (shape, _) in itertools.product(*numbered):
        place = (4 * size + colour + 3 * shape) % len(COLOURS)
        if splits[min(place, 2)] == split:
            thing = Thing(SIZES[size], list(COLOURS)[colour], SHAPES[shape])
            found.append(thing)
    return found


def sentences(things, relations, rng):
    """Five sentences about the same scene, each of another form, in random order.

    Args:
        things: Two or three `Thing`, the first one is what the relations are of.
        relations: Strings, how the first thing lies to each of the others: "left of",
            "right of", "above" or "below".
        rng: NumPy random generator.

    Returns:
        List of five strings.

    Example:

    >>> import numpy as np
    >>> things = [Thing("big", "red", "ring"), Thing("small", "blue", "star")]
    >>> found = sentences(things, ["above"], np.random.default_rng(1))
    >>> len(set(found)), found[0]
    (5, 'a big red ring over a small blue star')
    """
    forms = _OF_TWO if len(things) == 2 else _OF_THREE
    chances = iter(rng.random((len(forms), 2 * len(things) - 1)).ravel().tolist())

    def said(word):
        return PARAPHRASES[word] if next(chances) < PARAPHRASED else word

    found = []
    for form in forms:
        words = {
            letter: f"a {said(thing.size)} {thing.colour} {thing.shape}"
            for letter, thing in zip("ABC", things, strict=False)
        }
        for letter, relation in zip("BC", relations, strict=False):
            ahead = f"A{letter}" in form
            pair = f"A{letter}" if ahead else f"{letter}A"
            words[pair] = said(relation if ahead else _INVERSE[relation])
        found.append(form.format(**words))
    return [found[number] for number in rng.permutation(len(found))]


def mentions(sentence):
    """Which words of a sentence name which shape.

    A shape's own word and the words of size and colour before it name the object that
    has it: no two objects of a scene share a shape.

    Args:
        sentence: String, of the grammar or said by a model.

    Returns:
        List of (place of the shape in `SHAPES`, list of the words' places), in the
        order of the sentence.

    Example:

    >>> mentions("a big red ring above a little blue star")
    [(4, [1, 2, 3]), (5, [6, 7, 8])]
    """
    words = sentence.split()
    before = {*SIZES, *COLOURS, *(PARAPHRASES[size] for size in SIZES)}
    found = []
    for place, word in enumerate(words):
        if word not in SHAPES:
            continue
        first = place
        while first and words[first - 1] in before:
            first -= 1
        found.append((SHAPES.index(word), list(range(first, place + 1))))
    return found
