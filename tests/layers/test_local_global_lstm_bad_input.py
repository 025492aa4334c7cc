import numpy as np
import pytest

from tfrecvis.layers import LocalGlobalLSTM, PixelLSTM

B, H, W, C, U = 2, 4, 5, 3, 2
IMAGES = np.zeros((B, H, W, C), "float32")
both_layers = pytest.mark.parametrize("layer_class", [LocalGlobalLSTM, PixelLSTM])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "at least 1. Received: units=0"),
        ({"units": 1.5}, "Received: units=1.5"),
        ({"depth": 0}, "at least 1. Received: depth=0"),
        ({"depth": True}, "Received: depth=True"),
        ({"tied": "yes"}, "True or False. Received: tied='yes'"),
    ],
)
@both_layers
def test_bad_argument_says_what_is_expected(layer_class, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer_class(**{"units": U, **arguments})


@pytest.mark.parametrize("shape", [(H, W, C), (B, H, W, C, 1)])
@both_layers
def test_images_of_another_rank_are_refused(layer_class, shape):
    with pytest.raises(ValueError, match="expected ndim=4, found ndim="):
        layer_class(U)(np.zeros(shape, "float32"))


@both_layers
def test_images_of_unknown_channels_are_refused(layer_class):
    with pytest.raises(ValueError, match="last axis of `images` must be known"):
        layer_class(U).build((None, H, W, None))


@both_layers
def test_images_of_other_channels_are_refused(layer_class):
    layer = layer_class(U)
    layer.build(IMAGES.shape)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have"):
        layer(np.zeros((B, H, W, C + 1), "float32"))


@pytest.mark.parametrize("shape", [(B, 0, W, C), (B, H, 0, C)])
@both_layers
def test_images_without_pixels_are_refused(layer_class, shape):
    with pytest.raises(ValueError, match="at least one pixel. Received: images.shape"):
        layer_class(U)(np.zeros(shape, "float32"))


@both_layers
def test_empty_batch_gives_an_empty_batch(layer_class):
    layer = layer_class(U)
    assert layer(IMAGES[:0]).shape == (0, H, W, U)
    assert layer(IMAGES[:0], mask=np.ones((0, H, W), bool)).shape == (0, H, W, U)


@both_layers
def test_mask_may_be_a_list(layer_class):
    layer, mask = layer_class(U), np.ones((B, H, W), bool)
    mask[:, 1:] = False
    images = IMAGES + 1
    got = layer(images, mask=mask.tolist())
    np.testing.assert_array_equal(got, layer(images, mask=mask))


@pytest.mark.parametrize("shape", [(B, H, W, 1), (B, H), (B, W, H), (1, H, W)])
@both_layers
def test_mask_of_another_shape_is_refused(layer_class, shape):
    with pytest.raises(ValueError, match=r"Received: mask.shape=.*, images.shape="):
        layer_class(U)(IMAGES, mask=np.ones(shape, bool))


@both_layers
def test_mask_that_removes_every_pixel_is_refused(layer_class):
    mask = np.ones((B, H, W), bool)
    mask[1] = False
    with pytest.raises(ValueError, match=r"removes every pixel of images \[1\]"):
        layer_class(U)(IMAGES, mask=mask)
