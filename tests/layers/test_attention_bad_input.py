import numpy as np
import pytest

from tfrecvis.layers import HardAttention, SoftAttention

B, L, D, U, K = 2, 6, 3, 5, 4
ANNOTATIONS = np.zeros((B, L, D), "float32")
RNG = np.random.default_rng(0)
HIDDEN = np.zeros((B, U), "float32")

both_layers = pytest.mark.parametrize("layer", [SoftAttention, HardAttention])


def built(layer):
    layer = layer(K)
    layer.build((None, None, D), (None, U))
    return layer


@both_layers
@pytest.mark.parametrize("units", [0, -1, 2.5, None, True, "4"])
def test_units_that_are_no_positive_integer_are_refused(layer, units):
    with pytest.raises(ValueError, match=f"`units` must be .* units={units!r}"):
        layer(units)


@pytest.mark.parametrize("inference", ["mean", None, ["argmax"]])
def test_unknown_inference_says_which_there_are(inference):
    with pytest.raises(
        ValueError, match="one of 'argmax', 'sample'. Received: inference="
    ):
        HardAttention(K, inference=inference)


@both_layers
@pytest.mark.parametrize("shape", [(B, D), (D,), (B, 1, 2, 3, D)])
def test_annotations_of_another_rank_are_refused(layer, shape):
    for made in (layer(K), built(layer)):
        with pytest.raises(
            ValueError, match="`annotations` must have .*annotations.shape"
        ):
            made(np.zeros(shape, "float32"), hidden=HIDDEN)


@both_layers
@pytest.mark.parametrize("shape", [(B, 0, D), (B, 3, 0, D)])
def test_annotations_without_locations_are_refused(layer, shape):
    with pytest.raises(ValueError, match="at least one location.*annotations.shape="):
        layer(K)(np.zeros(shape, "float32"), hidden=HIDDEN)


@both_layers
def test_attention_needs_a_hidden_state(layer):
    for made in (layer(K), built(layer)):
        with pytest.raises(ValueError, match="hidden=None. Use `layer.annotations, "):
            made(ANNOTATIONS)


@both_layers
@pytest.mark.parametrize("shape", [(B + 1, U), (B, 1, U), (U,)])
def test_hidden_state_of_another_shape_is_refused(layer, shape):
    with pytest.raises(ValueError, match="hidden.shape=.*, annotations.shape="):
        layer(K)(ANNOTATIONS, hidden=np.zeros(shape, "float32"))


@both_layers
def test_unknown_features_are_refused(layer):
    with pytest.raises(ValueError, match="last axis of `annotations` must be known"):
        layer(K).build((None, L, None), (None, U))
    with pytest.raises(ValueError, match="last axis of `hidden` must be known"):
        layer(K).build((None, L, D), (None, None))


@both_layers
def test_features_other_than_those_of_the_weights_are_refused(layer):
    layer = built(layer)
    with pytest.raises(
        ValueError, match="here .any, ..., 3.. Received: annotations.shape"
    ):
        layer(ANNOTATIONS[..., 1:], hidden=HIDDEN)
    with pytest.raises(
        ValueError, match=r"hidden_features.*\), here \(2, 5\). Received: hidden.shape"
    ):
        layer(ANNOTATIONS, hidden=HIDDEN[:, 1:])


@both_layers
@pytest.mark.parametrize("shape", [(B, L + 1), (B, L, 1), (B + 1, L), (L,)])
def test_mask_of_another_shape_is_refused(layer, shape):
    with pytest.raises(ValueError, match="mask.shape=.*, annotations.shape="):
        built(layer)(ANNOTATIONS, hidden=HIDDEN, mask=np.ones(shape, bool))


@both_layers
def test_keys_of_another_shape_are_refused(layer):
    with pytest.raises(
        ValueError, match="keys.shape=.*units=4.*what `project.annotations.` gives"
    ):
        built(layer)(ANNOTATIONS, hidden=HIDDEN, keys=np.ones((B, L, K + 1), "float32"))


@both_layers
def test_mask_that_removes_everything_says_of_which_image(layer):
    mask = np.ones((B, L), bool)
    mask[1] = False
    message = "every location of images .1. of the batch of 2.* Leave such images out"
    with pytest.raises(ValueError, match=message):
        built(layer)(ANNOTATIONS, hidden=HIDDEN, mask=mask)
    with pytest.raises(ValueError, match=message):
        built(layer)(
            ANNOTATIONS.reshape(B, 2, 3, D), hidden=HIDDEN, mask=mask.reshape(B, 2, 3)
        )


@both_layers
def test_keys_need_a_layer_that_was_built(layer):
    with pytest.raises(ValueError, match="`project` needs the weights.* once before"):
        layer(K).project(ANNOTATIONS)


@both_layers
def test_lists_of_numbers_are_read_as_arrays(layer):
    layer, hidden = layer(K), RNG.normal(size=(B, U)).astype("float32")
    annotations = RNG.normal(size=(B, L, D)).astype("float32")
    mask = RNG.random((B, L)) < 0.8
    lists = layer(annotations, hidden=hidden.tolist(), mask=mask.tolist())
    for got, expected in zip(
        lists, layer(annotations, hidden=hidden, mask=mask), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="`hidden` must be .* rows of one length"):
        layer(annotations, hidden=[[1.0] * U, [1.0]])


def test_noise_may_be_a_list():
    layer, noise = HardAttention(K), [[0.3, 0.7], [0.9, 0.1]]
    for got, expected in zip(
        layer(ANNOTATIONS, hidden=HIDDEN, noise=noise, training=True),
        layer(ANNOTATIONS, hidden=HIDDEN, noise=np.array(noise), training=True),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("shape", [(B,), (B, 3), (B, 1), (B, 2, 1), (1, 2), (B + 1, 2)])
def test_noise_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="noise.shape=.*Give two numbers per image"):
        HardAttention(K)(ANNOTATIONS, hidden=HIDDEN, noise=np.ones(shape, "float32"))
