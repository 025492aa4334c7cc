"""The models that come with the package: complete, small and loadable."""

import json

import keras
import numpy as np
import pytest

from tfrecvis.models import (
    ImageClassifier,
    ReSeg,
    captioning,
    load_card,
    load_preset,
    preset_names,
)
from tfrecvis.models.presets import PRESETS

NAMES = preset_names()


def test_there_is_a_preset():
    assert "camvid_reseg" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_names_and_colours_each_class(name):
    card = load_card(name)
    model = load_preset(name)
    if card["recipe"]["task"] == "captioning":
        assert card["words"] == captioning.words_of(model)
        return
    if card["model"] == "MaskRCNN":
        # The first class of its head is the background.
        num_classes = model.get_layer("box_head").output_shape[0][-1] - 1
    else:
        # A box of YOLOv2 has four coordinates and its objectness before the classes.
        others = 5 if card["recipe"]["task"] == "detection" else 0
        num_classes = model.output_shape[-1] - others
    assert len(set(card["class_names"])) == num_classes
    assert len(set(map(tuple, card["colours"]))) == num_classes


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_takes_an_image_of_another_size(name):
    size = load_card(name)["image_size"] or (256, 256)
    height, width = (side // 2 + 1 for side in size)
    images = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), "uint8")
    inputs = images
    if load_card(name)["recipe"]["task"] == "captioning":
        inputs = {"images": images, "tokens": np.array([[[4, 5, 3]]])}
    outputs = keras.tree.flatten(load_preset(name)(inputs))
    for output in outputs:
        assert np.isfinite(keras.ops.convert_to_numpy(output)).all()
    if load_card(name)["recipe"]["task"] == "segmentation":
        assert outputs[0].shape[:3] == (1, height, width)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_stays_small(name):
    limits = {"segmentation": 4e6, "detection": 6e6, "captioning": 4e6}  # bytes
    files = list((PRESETS / name).iterdir())
    assert sorted(file.name for file in files) == ["model.json", "model.keras"]
    assert (
        sum(file.stat().st_size for file in files)
        < limits[load_card(name)["recipe"]["task"]]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_how_the_preset_was_made_and_names_no_path(name):
    card = load_card(name)
    assert card["name"] == name
    assert card["description"]
    assert card["recipe"]["task"]
    assert "path" not in card["recipe"]["data"]


def test_every_folder_beside_the_module_is_a_preset():
    folders = {path.name for path in PRESETS.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(NAMES)


@pytest.mark.parametrize("load", [load_preset, load_card, ReSeg.from_preset])
def test_an_unknown_preset_names_the_known_ones(load):
    with pytest.raises(ValueError, match="no preset 'camvid', .*camvid_reseg"):
        load("camvid")


def test_a_folder_of_a_run_is_loaded_like_a_preset(tmp_path):
    model = ReSeg(3, units=3, backbone_filters=(4,), backbone_blocks=(0,))
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(json.dumps({"model": "ReSeg"}))
    images = np.zeros((1, 4, 6, 3), "uint8")
    for loaded in (load_preset(tmp_path), ReSeg.from_preset(str(tmp_path))):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(loaded(images)),
            keras.ops.convert_to_numpy(model(images)),
        )


def test_from_preset_of_another_model_is_refused():
    match = r"is a ReSeg. Received: ImageClassifier\.from_preset"
    with pytest.raises(ValueError, match=match):
        ImageClassifier.from_preset("camvid_reseg")
