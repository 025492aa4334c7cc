"""Photos with captions, in a folder laid out as COCO's."""

import json
import pathlib
from collections import defaultdict

from tfrecvis.data.caption_reader import CaptionReader, read_text
from tfrecvis.data.problems import DataError, Problem


class COCOCaptions(CaptionReader):
    """Photos and five sentences about each of them, laid out as COCO's.

        <path>/annotations/captions_<split>.json   images, annotations
        <path>/<split>/<file_name>                 the photos themselves

    What cannot be used is left out, and said, as
    `tfrecvis.data.caption_reader.CaptionReader` has it.

    Args:
        path: String or path of the folder.
        split: String, such as "train2017".
        image_size: `(height, width)` that all photos are resized to, or None.
        strict: Boolean, makes every problem an error.

    Attributes: `captions`, list of lists of strings; `problems`, list of
    `Problem(file, reason)`; `sizes`, list of (height, width).

    Raises:
        ValueError: The file is missing or wrong, nothing can be used, or `strict`.

    Reference: Chen et al., 2015 (https://arxiv.org/abs/1504.00325).

    Example:

    >>> def photos():
    ...     return COCOCaptions("coco", "val2017", image_size=(128, 128))
    """

    def __init__(self, path, split, image_size=None, strict=False):
        path = pathlib.Path(path)
        folder = path / "annotations"
        file = folder / f"captions_{split}.json"
        if not file.is_file():
            found = sorted(folder.glob("captions_*.json"))
            splits = [other.stem.removeprefix("captions_") for other in found]
            known = f" Splits found: {', '.join(splits)}." if splits else ""
            raise ValueError(f"There is no file {file}.{known}")
        try:
            content = json.loads(read_text(file))
            images = {
                entry["id"]: (
                    path / split / entry["file_name"],
                    (int(entry["height"]), int(entry["width"])),
                )
                for entry in content["images"]
            }
            captions, problems = defaultdict(list), []
            for entry in content["annotations"]:
                number = entry["image_id"]
                captions[number].append(entry["caption"])
                if number not in images:
                    reason = f"has a caption of the unlisted image {number}"
                    problems.append(Problem(str(file), reason))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f'{file} is not as COCO has it: "images" with id, file_name, height '
                'and width, "annotations" with image_id and caption. '
                f"{type(error).__name__}: {error}."
            ) from error
        listed = [(photo, captions[number]) for number, (photo, _) in images.items()]
        sizes = [size for _, size in images.values()]
        super().__init__(path, split, listed, sizes, problems, image_size, strict)
