"""Small trained models that come with the package."""

from pathlib import Path

from tfrecvis.models.segmentation import ReSeg

WEIGHTS = Path(__file__).parent / "weights"

# A preset is what `tfrecvis train` makes of the recipe of its name: the weights are
# those of the run's model.keras. `arguments` are those of ReSeg; what a preset does not
# name keeps its default.
PRESETS = {
    "camvid_reseg": {
        "description": "Road scenes, 11 classes of CamVid at 240x180: mean IoU 0.610",
        "arguments": {"num_classes": 11},
        "weights": "camvid_reseg.weights.h5",
        "class_names": [
            "sky",
            "building",
            "pole",
            "road",
            "pavement",
            "tree",
            "sign",
            "fence",
            "car",
            "pedestrian",
            "bicyclist",
        ],
        "colours": [
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [60, 40, 222],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ],
        "image_size": [180, 240],
        "ignore": [11],
    },
}


def load_preset(name):
    """The trained model called `name`, and what its numbers mean.

    Args:
        name: One of `PRESETS`.

    Returns:
        `(model, sidecar)`: a `keras.Model` that maps images (RGB, 0-255) to logits,
        and a dict with `class_names` (list of strings), `colours` (list of RGB
        triples, 0-255), `image_size` (height and width in pixels of the images
        that it was trained on) and `recipe` (how label maps of its data are read).

    Raises:
        ValueError: there is no such preset.

    Example:

    >>> model, sidecar = load_preset("camvid_reseg")
    >>> model.output_shape[-1], sidecar["class_names"][:3]
    (11, ['sky', 'building', 'pole'])
    """
    if name not in PRESETS:
        raise ValueError(
            f"There is no preset of that name. Received: name={name!r}. Use one of "
            f"{', '.join(PRESETS)}."
        )
    preset = PRESETS[name]
    model = ReSeg(**preset["arguments"], name=name)
    model.load_weights(WEIGHTS / preset["weights"])
    sidecar = {key: preset[key] for key in ("class_names", "colours", "image_size")}
    data = {"reader": "folder", "ignore": preset["ignore"]}
    data.update({key: preset[key] for key in ("class_names", "colours")})
    return model, {**sidecar, "recipe": {"data": data}}
