"""`tfrecvis export`: one versioned directory for servers and phones."""

from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.images import find_images, read_image
from tfrecvis.tools.loading import CLASSES, load_segmenter
from tfrecvis.tools.run import write_json

NUM_IMAGES = 4  # to compare the artefacts on


def run(options):
    """Runs the sub-command."""
    segmenter = load_segmenter(options.model, artefacts=False)
    size = tuple(options.image_size or segmenter.image_size or (96, 96))
    if min(size) < 1:
        raise UserError(f"--image-size must be positive. Received: {size}.")
    images = sample_images(options.images, size)
    report = export(
        segmenter, options.output, images, options.version, options.formats, size
    )
    print(parity_table(report))
    print(f"Written: {Path(options.output, str(options.version))}")


def export(segmenter, directory, images, version, formats, image_size):
    """Exports a segmenter's Keras model, with the colours of its classes beside it.

    Args:
        segmenter: A `Segmenter` that holds a Keras model.
        directory: Path of the directory of all versions.
        images: uint8 `(batch, height, width, 3)`, RGB, 0-255, to compare on.
        version: Integer.
        formats: List of strings; see `tfrecvis.export.export_model`.
        image_size: `(height, width)` of the LiteRT files.

    Returns:
        Dict, the report.

    Raises:
        UserError: the version exists, the disk is full, or an artefact does not
            compute what the model computes.
    """
    import tensorflow as tf

    from tfrecvis.export import ExportError, export_model

    try:
        report = export_model(
            segmenter.model,
            directory,
            images,
            version=version,
            formats=tuple(formats),
            image_size=tuple(image_size),
            class_names=segmenter.class_names,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    except (ExportError, OSError, tf.errors.OpError) as error:
        raise UserError(str(error), exit_code=1) from error
    classes = {"class_names": segmenter.class_names, "colours": segmenter.colours}
    write_json(Path(directory, str(version), CLASSES), classes)
    return report


def sample_images(path, size):
    """Returns a few images to compare on: the user's, or drawn ones.

    Args:
        path: Folder or image, or None for synthetic scenes.
        size: `(height, width)` that they get.

    Returns:
        uint8 `(batch, height, width, 3)`, RGB, 0-255.

    Raises:
        UserError: no image can be read.
    """
    from PIL import Image

    if path is None:
        from tfrecvis.data import SyntheticScenes

        scenes = SyntheticScenes("val", count=NUM_IMAGES, size=(96, 96)).samples()
        images = [sample["image"] for sample in scenes.as_numpy_iterator()]
    else:
        images, files = [], [file for file, _ in find_images([path])]
        for file in files:
            try:
                images.append(read_image(file))
            except ValueError as error:
                print(f"{file}: {error}; left out")
            if len(images) == NUM_IMAGES:
                break
        if not images:
            raise UserError(f"None of the {len(files)} images of {path} can be read.")
    height, width = size
    resized = [
        Image.fromarray(image).resize((width, height), Image.BILINEAR)
        for image in images
    ]
    return np.stack([np.asarray(image) for image in resized])


def parity_table(report):
    """Returns the report's artefacts as text, a line each."""
    rows = [
        f"{'artefact':<16} {'difference':>10} {'agreement':>9} {'KiB':>7} {'ms':>7}"
    ]
    for name, entry in report["artefacts"].items():
        rows.append(
            f"{name:<16} {entry['largest_difference']:>10.1e} "
            f"{entry['agreement']:>9.4f} {entry['bytes'] / 1024:>7.0f} "
            f"{entry['milliseconds']:>7.1f}"
        )
    rows.append(
        "difference: the largest of any probability to the Keras model; agreement: "
        "share of\npixels with the same label; ms: median of one image"
    )
    return "\n".join(rows)
