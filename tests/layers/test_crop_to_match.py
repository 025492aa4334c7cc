"""Cropping undoes padding, and takes nothing but the size from the other map."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrecvis.layers import CropToMatch, PadToMultiple


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_cropping_undoes_padding():
    maps = random_maps(2, 5, 9, 2)
    cropped = CropToMatch()(PadToMultiple(8)(maps), maps)
    np.testing.assert_array_equal(cropped, maps)


def test_cropping_keeps_the_top_left_and_all_channels():
    maps, like = random_maps(2, 5, 9, 4), random_maps(2, 3, 7, 1)
    cropped = ops.convert_to_numpy(CropToMatch()(maps, like))
    np.testing.assert_array_equal(cropped, maps[:, :3, :7])


def test_files_from_before_the_layer_was_public_load():
    config = {
        "module": "tfrecvis.models.geometry",
        "class_name": "CropToMatch",
        "config": {"name": "logits", "autocast": True, "activity_regularizer": None},
        "registered_name": "tfrecvis>CropToMatch",
        "build_config": {
            "shapes_dict": {
                "maps_shape": [None, 8, 8, 3],
                "like_shape": [None, 6, 7, 3],
            }
        },
    }
    assert isinstance(keras.saving.deserialize_keras_object(config), CropToMatch)


def test_maps_without_batch_axis_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4"):
        CropToMatch()(random_maps(5, 7, 3), random_maps(1, 5, 7, 3))
