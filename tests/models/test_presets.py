"""The models that come with the package: complete, small and loadable."""

import numpy as np
import pytest

from tfrecvis.models.presets import PRESETS, WEIGHTS, load_preset

NAMES = sorted(PRESETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_names_and_colours_each_class(name):
    model, sidecar = load_preset(name)
    num_classes = model.output_shape[-1]
    assert len(set(sidecar["class_names"])) == num_classes
    assert len(set(map(tuple, sidecar["colours"]))) == num_classes


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_labels_an_image_of_another_size(name):
    model, sidecar = load_preset(name)
    height, width = (side // 2 + 1 for side in sidecar["image_size"])
    images = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), "uint8")
    assert tuple(model(images).shape[:3]) == (1, height, width)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_of_a_preset_stay_below_4_megabytes(name):
    assert (WEIGHTS / PRESETS[name]["weights"]).stat().st_size < 4e6


def test_every_file_of_weights_belongs_to_a_preset():
    files = {file.name for file in WEIGHTS.iterdir() if file.suffix == ".h5"}
    assert files == {preset["weights"] for preset in PRESETS.values()}


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match="camvid_reseg"):
        load_preset("camvid")
