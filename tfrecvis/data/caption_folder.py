"""Photos with captions in one small JSON file."""

import json
import pathlib

from tfrecvis.data.caption_reader import CaptionReader, read_text
from tfrecvis.data.problems import DataError


class CaptionFolder(CaptionReader):
    """Photos and sentences about them, listed in one file.

        <path>/captions.json   {"images": [{"file", "split", "captions"}, ...]}
        <path>/images/<file>   the photos themselves

    `captions` is a list of strings. What cannot be used is left out, and said, as
    `tfrecvis.data.caption_reader.CaptionReader` has it.

    Args:
        path: String or path of the folder.
        split: String, one of the words that stand in "split".
        image_size: `(height, width)` that all photos are resized to, or None.
        strict: Boolean, makes every problem an error.

    Attributes: `captions`, list of lists of strings; `problems`, list of
    `Problem(file, reason)`; `sizes`, list of (height, width).

    Raises:
        ValueError: The file is missing or wrong, there is no such split, nothing can be
            used, or `strict`.

    Example:

    >>> def photos():
    ...     return CaptionFolder("flickr8k", "train")
    """

    def __init__(self, path, split, image_size=None, strict=False):
        path = pathlib.Path(path)
        file = path / "captions.json"
        try:
            entries = json.loads(read_text(file))["images"]
            for entry in entries:
                entry["split"], str(entry["file"])
                if not isinstance(entry["captions"], list):
                    raise TypeError(f"captions of {entry['file']} are not a list")
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f'{file} must hold {{"images": [...]}}, each image with "file", '
                f'"split" and "captions". {type(error).__name__}: {error}.'
            ) from error
        listed = [
            (path / "images" / entry["file"], entry["captions"])
            for entry in entries
            if entry["split"] == split
        ]
        if not listed:
            known = sorted({str(entry["split"]) for entry in entries})
            raise ValueError(
                f"There is no split {split!r} in {file}. Splits found: "
                f"{', '.join(known)}."
            )
        super().__init__(path, split, listed, image_size=image_size, strict=strict)
