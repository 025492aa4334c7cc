import numpy as np
import pytest

from tfrecvis.layers import MDLSTM, DiagonalBiLSTM, MaskedConv2D, ReNet, RowLSTM

IMAGES = np.zeros((2, 4, 6, 3), "float32")
RECURRENT = pytest.mark.parametrize("layer", [RowLSTM, DiagonalBiLSTM])


@pytest.mark.parametrize("size", [2, 4, (3, 2)])
def test_even_kernel_size_says_which_sizes_work(size):
    with pytest.raises(ValueError, match=r"must be odd.*Use \d or \d"):
        MaskedConv2D(6, size)


def test_even_row_kernel_says_which_sizes_work():
    with pytest.raises(ValueError, match="must be odd.*kernel_size=4. Use 3 or 5"):
        RowLSTM(6, kernel_size=4)


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", True, (3, 3, 3)])
def test_kernel_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="`kernel_size` must be .* Received"):
        MaskedConv2D(6, size)


@pytest.mark.parametrize("mask_type", ["C", "a", None, 1])
def test_unknown_mask_type_lists_the_known_ones(mask_type):
    with pytest.raises(ValueError, match="'A' .* or 'B' .* Received: mask_type="):
        MaskedConv2D(6, 3, mask_type=mask_type)


@pytest.mark.parametrize("layer", [RowLSTM, DiagonalBiLSTM, MaskedConv2D])
def test_filters_that_the_colours_cannot_share_are_refused(layer):
    arguments = {"kernel_size": 3} if layer is MaskedConv2D else {}
    with pytest.raises(ValueError, match="3 colours cannot share 8 filters equally"):
        layer(8, num_colors=3, **arguments)


@pytest.mark.parametrize("layer", [RowLSTM, DiagonalBiLSTM, MaskedConv2D])
def test_channels_that_the_colours_cannot_share_are_refused(layer):
    arguments = {"kernel_size": 3} if layer is MaskedConv2D else {}
    with pytest.raises(ValueError, match="2 colours cannot share 3 channels equally"):
        layer(8, num_colors=2, **arguments)(IMAGES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "at least 1. Received: filters=0"),
        ({"filters": 2.5}, "Received: filters=2.5"),
        ({"num_colors": 0}, "Received: num_colors=0"),
        ({"residual": "yes"}, "True or False. Received: residual='yes'"),
        ({"learn_initial_state": 1}, "Received: learn_initial_state=1"),
    ],
)
@RECURRENT
def test_bad_argument_says_what_is_expected(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**{"filters": 6, **arguments})


@RECURRENT
def test_images_of_another_rank_are_refused(layer):
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        layer(6)(IMAGES[0])


@RECURRENT
def test_images_without_a_pixel_are_refused(layer):
    with pytest.raises(ValueError, match="at least one pixel"):
        layer(6)(IMAGES[:, :0])


@RECURRENT
def test_mask_of_another_size_is_refused(layer):
    with pytest.raises(ValueError, match="`mask` must have the shape"):
        layer(6)(IMAGES, mask=np.ones((2, 6, 4), bool))


@RECURRENT
def test_unknown_channels_are_refused(layer):
    with pytest.raises(ValueError, match="last axis of `images` must be known"):
        layer(6).build((None, 4, 6, None))


@pytest.mark.parametrize("layer", [RowLSTM, DiagonalBiLSTM, MDLSTM, ReNet])
def test_mask_that_removes_a_whole_image_is_refused(layer):
    mask = np.ones((2, 4, 6), bool)
    mask[1] = False
    with pytest.raises(ValueError, match=r"removes every pixel of images \[1\]"):
        layer(6)(IMAGES, mask=mask)
