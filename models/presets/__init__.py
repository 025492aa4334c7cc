"""Small trained models that come with the package, each in a folder of its own.

A preset is what a run of `tfrecvis train` leaves: `model.keras`, and `model.json`, its
card, which says what its numbers mean.
"""

import json
from pathlib import Path

__all__ = ["PRESETS", "load_card", "load_preset", "preset_names", "with_presets"]

PRESETS = Path(__file__).parent


def preset_names():
    """The names of all presets.

    Example:

    >>> preset_names()
    ['bccd_yolov2', 'camvid_reseg', 'nuclei_maskrcnn', 'synthetic_captions']
    """
    return sorted(card.parent.name for card in PRESETS.glob("*/model.json"))


def load_preset(name):
    """The trained model called `name`, ready to use.

    Args:
        name: One of `preset_names()`; or the path of a folder that holds `model.keras`,
            such as the directory of a run.

    Returns:
        A `keras.Model`. What its numbers mean is in `load_card(name)`.

    Raises:
        ValueError: there is no such preset or folder.

    Example:

    >>> import numpy as np
    >>> model = load_preset("camvid_reseg")
    >>> model(np.zeros((1, 180, 240, 3))).shape
    TensorShape([1, 180, 240, 11])
    """
    import keras

    import tfrecvis.models  # noqa: F401  registers the layers of presets

    return keras.models.load_model(_folder(name) / "model.keras", compile=False)


def load_card(name):
    """What is known of a preset or of a run's model.

    Args:
        name: As for `load_preset`.

    Returns:
        Dict: `description`; `model`, the function of `tfrecvis.models` that built it;
        `recipe`, how it was trained; and what its task adds, such as `class_names`
        (list of strings), `colours` (list of RGB triples, 0-255) and `image_size`
        (height and width in pixels of the images that it was trained on).

    Raises:
        ValueError: there is no such preset or folder.

    Example:

    >>> load_card("camvid_reseg")["class_names"][:3]
    ['sky', 'building', 'pole']
    """
    return json.loads((_folder(name) / "model.json").read_text(encoding="utf-8"))


def with_presets(builder):
    """Gives a function that builds models a `from_preset`, as Keras' users know it.

    Example:

    >>> from tfrecvis.models import ReSeg
    >>> ReSeg.from_preset("camvid_reseg").output_shape[-1]
    11
    """

    def from_preset(name):
        made_by = load_card(name)["model"]
        if made_by != builder.__name__:
            raise ValueError(
                f"The preset {name!r} is a {made_by}. Received: "
                f"{builder.__name__}.from_preset({name!r}). Use load_preset({name!r})."
            )
        return load_preset(name)

    builder.from_preset = from_preset
    return builder


def _folder(name):
    folder = PRESETS / str(name)
    if not (folder / "model.keras").is_file():
        folder = Path(name)
    if not (folder / "model.keras").is_file():
        raise ValueError(
            f"There is no preset {str(name)!r}, and no folder of that name with a "
            f"model.keras. Presets: {', '.join(preset_names())}."
        )
    return folder
