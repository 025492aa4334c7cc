"""`tfrecvis predict`: overlays and label maps of images, with the model alone."""

import sys

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.images import find_images, read_image
from tfrecvis.tools.loading import load_segmenter
from tfrecvis.tools.run import check_directory


def run(options):
    """Runs the sub-command; returns 1 where images could not be read."""
    output = check_directory(options.output)
    jobs = outputs_of(find_images(options.inputs), output)
    if not options.overwrite:
        check_outputs_are_new(jobs)
    segmenter = load_segmenter(options.model)
    from tfrecvis.tools.pictures import write_label_map, write_overlay

    broken = 0
    for file, overlay, label_map in jobs:
        try:
            image = read_image(file)
        except ValueError as error:
            broken += 1
            print(f"{file}: {error}; left out", file=sys.stderr)
            continue
        labels = segmenter.labels(image)
        overlay.parent.mkdir(parents=True, exist_ok=True)
        write_overlay(image, labels, segmenter.class_names, segmenter.colours, overlay)
        write_label_map(labels, segmenter.colours, label_map)
    done = len(jobs) - broken
    print(f"{done} images labelled, {broken} could not be read.")
    if done:
        print(f"Overlays and label maps are in {output}")
    return 1 if broken else 0


def outputs_of(images, directory):
    """Returns for each image its file, its overlay's and its label map's.

    Args:
        images: List of (path, relative path), as `find_images` returns it.
        directory: Path.

    Raises:
        UserError: two images would write the same files.

    Example:

    >>> from pathlib import Path
    >>> outputs_of([(Path("in/a.jpg"), Path("a.jpg"))], Path("out"))[0][1].name
    'a_overlay.png'
    """
    jobs, owners = [], {}
    for file, relative in images:
        stem = directory / relative.with_suffix("")
        owner = owners.setdefault(stem, file)
        if owner != file:
            raise UserError(
                f"{owner} and {file} would both be written to {stem}_overlay.png. "
                "Predict them one after the other, into different directories."
            )
        jobs.append(
            (
                file,
                stem.with_name(f"{stem.name}_overlay.png"),
                stem.with_name(f"{stem.name}_labels.png"),
            )
        )
    return list(dict.fromkeys(jobs))


def check_outputs_are_new(jobs):
    """Refuses to write over files.

    Raises:
        UserError: an output exists.
    """
    taken = [path for _, *paths in jobs for path in paths if path.exists()]
    if taken:
        raise UserError(
            f"{len(taken)} of the outputs exist, the first is {taken[0]}. Pass "
            "--overwrite to replace them, or name another --output."
        )
