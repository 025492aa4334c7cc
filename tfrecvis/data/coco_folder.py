"""Images with boxes and masks, in a folder laid out as COCO's."""

import json
import pathlib
from collections import defaultdict

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import load_image
from tfrecvis.data.memory import Memory
from tfrecvis.data.problems import DataError, Problem, report_problems
from tfrecvis.data.reader import Reader
from tfrecvis.data.usable_boxes import report_boxes, usable_boxes
from tfrecvis.optional import optional_import


class COCOFolder(Reader):
    """Images and the objects in them, laid out as COCO's.

        <path>/annotations/instances_<split>.json   images, annotations, categories
        <path>/<split>/<file_name>                  the images themselves

    The annotations are read when the reader is made, images one by one when they are
    needed. Boxes become xyxy in absolute pixels; classes are numbered in the order of
    their `id`; crowds are `difficult`. With `masks`, polygons and run-length codes
    become masks. Images that are missing or have no size are left out; boxes as
    `VOCFolder` has it. All of it is named in `problems` and counted in a warning; with
    `strict` it is an error.

    Args:
        path: String or path of the folder.
        split: String, such as "train2017".
        class_names: List of strings, some of the names of "categories", or None for
            all. Objects of other classes are left out, which is no problem.
        masks: Boolean; samples hold `masks`, too, which needs pycocotools.
        strict: Boolean, makes every problem an error.

    Attributes: `class_names`, `num_classes`, `colours`, `problems` (list of
    `Problem(file, reason)`), `sizes` (list of (height, width)).

    Raises:
        ValueError: The file is missing or wrong, a class is not in it, nothing can be
            used, or `strict`.

    Reference: Lin et al., 2014 (https://arxiv.org/abs/1405.0312).

    Example:

    >>> def streets():
    ...     return COCOFolder("coco", "val2017", ["person", "bicycle", "car"])
    """

    def __init__(self, path, split, class_names=None, masks=False, strict=False):
        self.path = pathlib.Path(path)
        self.split = split
        self.annotations = self.path / "annotations" / f"instances_{split}.json"
        content = self._content()
        categories = {
            entry["id"]: str(entry["name"])
            for entry in sorted(content["categories"], key=lambda entry: entry["id"])
        }
        known = list(categories.values())
        unknown = [name for name in class_names or () if name not in known]
        if unknown:
            raise ValueError(
                f"`class_names` must be names of {self.annotations}: "
                f"{', '.join(known)}. Received: {', '.join(map(repr, unknown))}."
            )
        super().__init__(known if class_names is None else class_names)
        if masks:
            optional_import("pycocotools.mask", extra="eval", what="Masks of COCO")
        self._masks = masks

        of_image = defaultdict(list)
        for entry in content["annotations"]:
            of_image[entry["image_id"]].append(entry)
        problems, box_problems, samples = [], [], []
        self.sizes, self._codes = [], []
        for image in content["images"]:
            file = self.path / split / image["file_name"]
            if not file.is_file():
                problems.append(Problem(str(file), "is missing"))
                continue
            size = image["height"], image["width"]
            wanted = [
                entry
                for entry in of_image[image["id"]]
                # One that the file does not know is a problem; one not asked for none.
                if categories.get(entry["category_id"]) in self.class_names
                or entry["category_id"] not in categories
            ]
            sample, codes, found = self._sample(wanted, categories, size, str(file))
            samples.append(sample)
            self._codes.append(codes)
            self.sizes.append(size)
            box_problems += found
        where = f"{self.path}, split {split}"
        report_problems(problems, len(content["images"]), where, strict)
        if not samples:
            raise DataError(f"{self.annotations} names no image.")
        report_boxes(box_problems, where, strict)
        self._boxes = Memory(samples)
        self.problems = problems + box_problems

    def _content(self):
        if not self.annotations.is_file():
            found = sorted((self.path / "annotations").glob("instances_*.json"))
            splits = [file.stem.removeprefix("instances_") for file in found]
            known = f" Splits found: {', '.join(splits)}." if splits else ""
            raise ValueError(f"There is no file {self.annotations}.{known}")
        try:
            content = json.loads(self.annotations.read_text(encoding="utf-8"))
            for image in content["images"]:
                image["id"], image["file_name"], image["height"], image["width"]
            for entry in content["annotations"]:
                left, top, width, height = map(float, entry["bbox"])
                entry["image_id"], entry["category_id"]
            for entry in content["categories"]:
                entry["id"], entry["name"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{self.annotations} is not as COCO has it: "images" with id, '
                'file_name, height and width, "annotations" with image_id, category_id '
                'and bbox (left, top, width, height), "categories" with id and name. '
                f"{type(error).__name__}: {error}."
            ) from error
        return content

    def _sample(self, entries, categories, size, file):
        names = [
            categories.get(entry["category_id"], entry["category_id"])
            for entry in entries
        ]
        boxes = []
        for entry in entries:
            left, top, width, height = map(float, entry["bbox"])
            boxes.append((left, top, left + width, top + height))
        kept, corners, problems = usable_boxes(
            boxes, names, self.class_names, size, file
        )
        sample = {
            "boxes": corners,
            "classes": np.array(
                [self.class_names.index(names[number]) for number in kept], "int32"
            ),
            "difficult": np.array(
                [bool(entries[number].get("iscrowd", 0)) for number in kept], bool
            ),
            "file": file,
        }
        codes = [entries[number].get("segmentation", []) for number in kept]
        return sample, codes if self._masks else None, problems

    def __len__(self):
        return len(self.sizes)

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        sample = self._boxes.load(index)
        sample = {"image": load_image(sample["file"]), **sample}
        if self._masks:
            masks = tf.numpy_function(self._masks_of, [index], tf.uint8, stateful=False)
            sample["masks"] = tf.ensure_shape(masks, [None, None, None])
        return sample

    def _masks_of(self, index):
        height, width = self.sizes[index]
        masks = np.zeros((len(self._codes[index]), height, width), "uint8")
        for mask, code in zip(masks, self._codes[index], strict=True):
            mask[:] = _decoded(code, height, width)
        return masks


def _decoded(code, height, width):
    """A mask of polygons, or of a run-length code in either of COCO's forms."""
    library = optional_import("pycocotools.mask", extra="eval", what="Masks of COCO")
    if isinstance(code, list):
        if not code:
            return np.zeros((height, width), "uint8")
        code = library.merge(library.frPyObjects(code, height, width))
    elif isinstance(code["counts"], list):
        code = library.frPyObjects(code, height, width)
    return library.decode(code)
