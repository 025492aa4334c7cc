import numpy as np
import pytest

from tfrecvis.layers import ReNet

B, H, W, C, U = 2, 4, 6, 3, 5
IMAGES = np.zeros((B, H, W, C), "float32")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "integer of at least 1. Received: units=0"),
        ({"units": -3}, "Received: units=-3"),
        ({"units": 2.5}, "Received: units=2.5"),
        ({"cell": "rnn"}, "one of 'lstm', 'gru'. Received: cell='rnn'"),
        ({"cell": None}, "Received: cell=None"),
        ({"cell": ["lstm"]}, "Received: cell=.*'lstm'"),
        ({"patch_size": 0}, "`patch_size` must be .* Received: patch_size=0"),
        ({"patch_size": -1}, "Received: patch_size=-1"),
        ({"patch_size": "2"}, "Received: patch_size='2'"),
        ({"patch_size": "22"}, "Received: patch_size='22'"),
        ({"patch_size": 2.5}, "Received: patch_size=2.5"),
        ({"patch_size": True}, "Received: patch_size=True"),
        ({"learn_initial_state": "no"}, "True or False. Received: .*'no'"),
        ({"patch_size": (2.5, 2)}, r"Received: patch_size=\(2.5, 2\)"),
        ({"patch_size": (2, 2, 2)}, r"Received: patch_size=\(2, 2, 2\)"),
        ({"patch_size": (2, 0)}, r"Received: patch_size=\(2, 0\)"),
        ({"dropout": 1.0}, "at least 0 and below 1. Received: dropout=1.0"),
        ({"dropout": -0.1}, "Received: dropout=-0.1"),
        ({"dropout": "half"}, "Received: dropout='half'"),
        ({"dropout": float("nan")}, "Received: dropout=nan"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReNet(**{"units": U, **arguments})


@pytest.mark.parametrize("shape", [(H, W, C), (H, W), (B, 1, H, W, C)])
def test_images_of_another_rank_are_refused(shape):
    with pytest.raises(ValueError, match="expected ndim=4, found ndim="):
        ReNet(U)(np.zeros(shape, "float32"))


def test_images_of_unknown_channels_are_refused():
    with pytest.raises(ValueError, match="last axis of `images` must be known"):
        ReNet(U).build((None, H, W, None))


def test_images_of_other_channels_than_the_weights_are_refused():
    layer = ReNet(U)
    layer.build(IMAGES.shape)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have"):
        layer(np.zeros((B, H, W, C + 1), "float32"))


@pytest.mark.parametrize("shape", [(B, 0, W, C), (B, H, 0, C)])
def test_images_without_pixels_are_refused(shape):
    with pytest.raises(ValueError, match="at least one pixel. Received: images.shape"):
        ReNet(U)(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    "shape", [(B, H, W, 1), (B, H), (B, H, W - 1), (B, W, H), (1, H, W)]
)
def test_mask_of_another_shape_than_its_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"Received: mask.shape=.*, images.shape="):
        ReNet(U)(IMAGES, mask=np.ones(shape, bool))
