import numpy as np
import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.photos import Scale, scaled_size, with_channels

CARD = {"image_size": [180, 240]}
ANY = None, None


@pytest.mark.parametrize(
    ("size", "scaled"),
    [
        ((3000, 4000), (180, 240)),
        ((4000, 3000), (240, 180)),  # upright
        ((90, 120), (180, 240)),
        ((100, 1000), (66, 657)),
    ],
)
def test_photo_keeps_its_shape_and_gets_as_many_pixels(size, scaled):
    assert Scale().of(size, ANY, CARD) == scaled_size(size, (180, 240)) == scaled


@pytest.mark.parametrize(
    ("scale", "fixed", "card", "expected"),
    [
        (Scale(), ANY, {}, (300, 400)),  # the model has no scale of its own
        (Scale(native=True), ANY, CARD, (300, 400)),
        (Scale((30, 40)), ANY, CARD, (30, 40)),
        (Scale(), (48, 64), CARD, (48, 64)),  # a LiteRT file takes no other
    ],
)
def test_scale_is_what_is_asked_for_or_what_the_card_says(scale, fixed, card, expected):
    assert scale.of((300, 400), fixed, card) == expected


def test_size_must_be_positive():
    with pytest.raises(UserError, match=r"positive. Received: \(0, 4\)"):
        Scale((0, 4))


def test_other_numbers_of_channels_are_refused():
    with pytest.raises(UserError, match="images of 4 channels. Received: 3"):
        with_channels(np.zeros((1, 2, 2, 3), "uint8"), 4)


def test_sizes_of_the_users_are_refused_where_a_model_takes_one():
    assert Scale().of((300, 400), (30, 40), {}) == (30, 40)
    for scale in (Scale(native=True), Scale(image_size=(60, 80))):
        with pytest.raises(UserError, match="images of 30x40 pixels and no others"):
            scale.of((300, 400), (30, 40), {})
    assert Scale(native=True).of((30, 40), (30, 40), {}) == (30, 40)
