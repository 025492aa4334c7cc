import numpy as np
import pytest

from tfrecvis.layers import FusionLSTM

B, H, W, U = 2, 4, 6, 5


def zeros(*shapes):
    return [np.zeros(shape, "float32") for shape in shapes]


SCENE = zeros((B, H, W, 3), (B, H, W, 2))


@pytest.mark.parametrize("units", [0, -2, 2.5, True, None])
def test_bad_units_say_what_is_expected(units):
    with pytest.raises(ValueError, match=f"at least 1. Received: units={units}"):
        FusionLSTM(units)


def test_one_tensor_is_refused():
    with pytest.raises(ValueError, match="Received one tensor .* Use ReNet"):
        FusionLSTM(U)(SCENE[0])


def test_one_modality_is_refused():
    with pytest.raises(ValueError, match="two or more modalities .* Use ReNet"):
        FusionLSTM(U)(SCENE[:1])


@pytest.mark.parametrize(
    "shape", [(B, H, W + 1, 2), (B, H + 1, W, 2), (B + 1, H, W, 2), (B, H, W)]
)
def test_modalities_of_different_sizes_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"`modalities\[1\]` must have .* modalities\[1\].*Resizing"
    ):
        FusionLSTM(U)([SCENE[0], *zeros(shape)])


def test_modalities_of_other_sizes_than_before_are_refused():
    layer = FusionLSTM(U)
    layer(SCENE)
    with pytest.raises(ValueError, match=r"here \(2, 4, 6, any\)"):
        layer([SCENE[0], SCENE[1][:, :2]])
    with pytest.raises(ValueError, match="expected axis -1 of input shape"):
        layer(SCENE[::-1])
    with pytest.raises(ValueError, match="expects 2 input"):
        layer([*SCENE, SCENE[0]])


def test_modalities_of_unknown_channels_are_refused():
    with pytest.raises(ValueError, match=r"last axis of `modalities\[1\]` must be"):
        FusionLSTM(U).build([(None, H, W, 3), (None, H, W, None)])


@pytest.mark.parametrize("size", [(0, W), (H, 0)])
def test_modalities_without_pixels_are_refused(size):
    with pytest.raises(ValueError, match="at least one pixel"):
        FusionLSTM(U)(zeros((B, *size, 3), (B, *size, 2)))


@pytest.mark.parametrize("shape", [(B, H, W, 1), (B, H), (B, W, H)])
def test_mask_of_another_shape_is_refused(shape):
    mask = np.ones(shape, bool)
    for given in (mask, [None, mask]):
        with pytest.raises(ValueError, match=r"Received: mask.shape="):
            FusionLSTM(U)(SCENE, mask=given)


def test_masks_that_remove_every_pixel_together_are_refused():
    mask = np.ones((B, H, W), bool)
    mask[0, :2] = False
    other = np.zeros((B, H, W), bool)
    other[0, :2] = other[1] = True
    with pytest.raises(ValueError, match=r"removes every pixel of images \[0\]"):
        FusionLSTM(U)(SCENE, mask=[mask, other])
