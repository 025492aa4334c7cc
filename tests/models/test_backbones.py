"""Backbones: where they are cut, what they expect, which weights they take."""

import keras
import numpy as np
import pytest

from tfrecvis.models.backbones import BACKBONES, build_backbone

TINY = {"backbone_filters": (4, 8), "backbone_blocks": (0, 1)}


# MobileNet's large model is its small one with more blocks.
LARGE = pytest.param("mobilenetv3large", marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "name", [LARGE if name in LARGE.values else name for name in BACKBONES]
)
def test_strides_are_those_of_the_maps(name):
    model, strides, _ = build_backbone(name)
    maps = model(np.zeros((1, 64, 96, 3), "float32"))
    assert [tuple(m.shape[1:3]) for m in maps] == [(64 // s, 96 // s) for s in strides]


def test_vgg_is_cut_at_conv3_3_as_in_the_paper():
    model, strides, scaling = build_backbone("vgg16")
    assert model.layers[-1].name == "block3_conv3"
    assert strides[-1] == 4
    assert scaling == "caffe"


def test_weights_come_from_a_path(tmp_path):
    path = str(tmp_path / "conv.weights.h5")
    saved, *_ = build_backbone("conv", **TINY)
    saved.save_weights(path)
    loaded, *_ = build_backbone("conv", path, **TINY)
    for one, other in zip(saved.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_a_keras_application_come_from_a_path(tmp_path):
    path = str(tmp_path / "mobilenet.weights.h5")
    saved = keras.applications.MobileNetV3Small(
        include_top=False,
        weights=None,
        input_shape=(None, None, 3),
        include_preprocessing=False,
    )
    saved.save_weights(path)
    loaded, *_ = build_backbone("mobilenetv3small", path)
    np.testing.assert_array_equal(
        loaded.get_layer("conv").get_weights()[0],
        saved.get_layer("conv").get_weights()[0],
    )


def test_an_unknown_backbone_names_the_known_ones():
    with pytest.raises(ValueError, match="vgg16.*resnet19"):
        build_backbone("resnet19")


def test_imagenet_weights_of_the_conv_backbone_do_not_exist():
    with pytest.raises(ValueError, match="has no pretrained weights"):
        build_backbone("conv", "imagenet")


def test_a_weights_path_without_a_file_is_named():
    with pytest.raises(ValueError, match=r"nowhere\.h5.*there is no file"):
        build_backbone("vgg16", "nowhere.h5")


@pytest.mark.parametrize(
    "filters, blocks", [((), ()), ((4,), (0, 1)), ((0, 4), (0, 0)), ((4,), (-1,))]
)
def test_stages_that_do_not_fit_are_refused(filters, blocks):
    with pytest.raises(ValueError, match="backbone_filters"):
        build_backbone("conv", None, filters, blocks)
