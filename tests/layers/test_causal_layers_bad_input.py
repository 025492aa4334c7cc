import numpy as np
import pytest

from tfrecvis.layers import (
    MDLSTM,
    DiagonalBiLSTM,
    DrawRead,
    FusionLSTM,
    MaskedConv2D,
    PixelLSTM,
    ReNet,
    RowLSTM,
)

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
    with pytest.raises(
        ValueError, match="one of 'A', 'B'. Received: mask_type=.*first layer"
    ):
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


STEPPED = pytest.mark.parametrize(
    "make", [lambda: RowLSTM(6), lambda: DiagonalBiLSTM(6), lambda: MaskedConv2D(6, 3)]
)


@STEPPED
def test_step_before_the_layer_is_built_says_how_to_build_it(make):
    with pytest.raises(ValueError, match="weights of .* are not made yet"):
        make().initial_cache(2, 6)
    with pytest.raises(ValueError, match="weights of .* are not made yet"):
        make().step(IMAGES[:, 0], ())


@STEPPED
def test_row_or_cache_of_another_shape_is_refused(make):
    layer = make()
    layer(IMAGES)
    cache = layer.initial_cache(2, 6)
    with pytest.raises(ValueError, match=r"`row` must have .* here \(any, any, 3\)"):
        layer.step(IMAGES[:, 0, :, :2], cache)
    with pytest.raises(ValueError, match=r"`row` must have .* here \(any, any, 3\)"):
        layer.step(IMAGES, cache)
    for batch, width in ((2, 1), (2, 4), (1, 6)):
        with pytest.raises(ValueError, match="cache.*shape.*what `initial_cache` gave"):
            layer.step(IMAGES[:, 0], layer.initial_cache(batch, width))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: RowLSTM(6),
        lambda: DiagonalBiLSTM(6),
        lambda: MaskedConv2D(6, 3),
        lambda: MDLSTM(6),
        lambda: ReNet(6),
        lambda: ReNet(6, "gru"),
        lambda: DrawRead(),
        lambda: PixelLSTM(6, depth=1),
    ],
)
def test_images_of_integers_are_read_as_floats(make, dtype):
    layer = make()
    images = np.random.default_rng(0).integers(0, 2, IMAGES.shape)
    y = layer(images.astype("float32"))
    np.testing.assert_array_equal(layer(images.astype(dtype)), y)


def test_modalities_of_integers_are_read_as_floats():
    layer = FusionLSTM(6)
    images = np.random.default_rng(0).integers(0, 3, IMAGES.shape)
    floats = images.astype("float32")
    y = layer([floats, floats])
    np.testing.assert_array_equal(layer([floats, images.astype("uint8")]), y)


@pytest.mark.parametrize("layer", [RowLSTM, DiagonalBiLSTM, MDLSTM, ReNet])
def test_mask_may_be_a_list(layer):
    mask = np.ones((2, 4, 6), bool)
    mask[:, 2:] = False
    layer = layer(6)
    expected = layer(IMAGES, mask=mask)
    np.testing.assert_array_equal(layer(IMAGES, mask=mask.tolist()), expected)


@pytest.mark.parametrize("use_bias", ["no", None, 1])
def test_flag_of_masked_convolution_is_true_or_false(use_bias):
    with pytest.raises(ValueError, match="`use_bias` must be True or False"):
        MaskedConv2D(6, 3, use_bias=use_bias)
