import numpy as np
import pytest

from tfrecvis.layers import DrawRead, DrawWrite
from tfrecvis.ops.filterbank import attention_filters

B, H, W, C, D, N = 2, 6, 9, 3, 5, 4
IMAGES = np.zeros((B, H, W, C), "float32")
HIDDEN = np.zeros((B, D), "float32")


@pytest.mark.parametrize("make", [DrawRead, lambda n: DrawWrite((H, W, C), n)])
@pytest.mark.parametrize(
    ("patch_size", "message"),
    [
        (1, "Received: patch_size=1.*divides by patch_size - 1. Use 2 or more"),
        (0, "Received: patch_size=0"),
        (-2, "Received: patch_size=-2"),
        (2.5, "an integer of at least 2.* patch_size=2.5.* or None for"),
        (True, "Received: patch_size=True"),
        ((3, 3), r"Received: patch_size=\(3, 3\)"),
        ("3", "Received: patch_size='3'"),
    ],
)
def test_bad_patch_size_says_what_is_expected(make, patch_size, message):
    with pytest.raises(ValueError, match=message):
        make(patch_size)


@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        ((H, W), r"3 integers.* image_shape=\(6, 9\).*height, width and ch"),
        (28, "Received: image_shape=28"),
        ("666", "Received: image_shape='666'"),
        ((0, W, C), r"Received: image_shape=\(0, 9, 3\)"),
        ((H, 2.5, C), r"Received: image_shape=\(6, 2.5, 3\)"),
        ((H, W, None), r"Received: image_shape=\(6, 9, None\)"),
    ],
)
def test_bad_image_shape_says_what_is_expected(image_shape, message):
    with pytest.raises(ValueError, match=message):
        DrawWrite(image_shape, N)


def test_image_of_one_pixel_has_no_grid():
    message = "one pixel, or of none, .* stride. Received: height=1, width=1"
    with pytest.raises(ValueError, match=message):
        DrawRead(N)(IMAGES[:, :1, :1], hidden=HIDDEN)
    layer = DrawRead(N)
    layer(IMAGES, hidden=HIDDEN)
    with pytest.raises(ValueError, match=message):
        layer(IMAGES[:, :1, :1], hidden=HIDDEN)
    with pytest.raises(ValueError, match=message):
        DrawWrite((1, 1, C), N)
    assert DrawRead()(IMAGES[:, :1, :1]).shape == (B, 1, 1, C)
    assert DrawWrite((1, 1, C))(HIDDEN).shape == (B, 1, 1, C)


def test_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="none, leaves .* Received: height=0, width=9"):
        DrawRead(N)(IMAGES[:, :0], hidden=HIDDEN)


def test_a_grid_of_one_filter_is_refused():
    with pytest.raises(
        ValueError, match="at least 2. Received: num_filters=1.* stride"
    ):
        attention_filters(np.zeros((B, 5)), 1, H, W)


@pytest.mark.parametrize("shape", [(B, 4), (B, 6), (5,), (B, 1, 5)])
def test_a_grid_is_placed_by_five_numbers(shape):
    with pytest.raises(ValueError, match="parameters.shape=.*five numbers per image"):
        attention_filters(np.zeros(shape), 3, H, W)


def test_images_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        DrawRead(N)(IMAGES[0], hidden=HIDDEN)


def test_reading_with_attention_needs_a_hidden_state():
    with pytest.raises(ValueError, match="hidden=None. Use `layer.images, hidden="):
        DrawRead(N)(IMAGES)


@pytest.mark.parametrize("shape", [(B + 1, D), (B, 1, D), (D,)])
def test_hidden_state_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="hidden.shape=.*, images.shape="):
        DrawRead(N)(IMAGES, hidden=np.zeros(shape, "float32"))


def test_hidden_state_of_unknown_features_is_refused():
    with pytest.raises(ValueError, match="last axis of `hidden` must be known"):
        DrawRead(N).build((None, H, W, C), (None, None))
    with pytest.raises(ValueError, match="last axis of `hidden` must be known"):
        DrawWrite((H, W, C), N).build((None, None))


def test_hidden_state_of_other_features_than_the_weights_is_refused():
    write = DrawWrite((H, W, C), N)
    write(HIDDEN)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have"):
        write(HIDDEN[:, 1:])
    read = DrawRead(N)
    read(IMAGES, hidden=HIDDEN)
    with pytest.raises(ValueError, match="here \\(2, 5\\). Received: hidden.shape="):
        read(IMAGES, hidden=HIDDEN[:, 1:])


@pytest.mark.parametrize("patch_size", [None, N])
def test_error_images_of_another_shape_are_refused(patch_size):
    with pytest.raises(ValueError, match="error_images.shape=.*, images.shape="):
        DrawRead(patch_size)(IMAGES, hidden=HIDDEN, error_images=IMAGES[:, 1:])


def test_hidden_state_of_another_rank_cannot_be_written():
    with pytest.raises(ValueError, match="expected ndim=2, found ndim=3"):
        DrawWrite((H, W, C), N)(HIDDEN[None])
