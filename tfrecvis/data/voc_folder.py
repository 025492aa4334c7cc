"""Images with boxes, in a folder laid out as Pascal VOC's."""

import pathlib
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import read_image
from tfrecvis.data.problems import DataError, Problem, report_problems
from tfrecvis.data.reader import Reader, remember
from tfrecvis.data.usable_boxes import report_boxes, usable_boxes


class VOCFolder(Reader):
    """Images and the boxes of the objects in them, laid out as Pascal VOC's.

        <path>/JPEGImages/<stem>.jpg        or another suffix of `IMAGE_SUFFIXES`
        <path>/Annotations/<stem>.xml       <object> elements with name and bndbox
        <path>/ImageSets/Main/<split>.txt   the stems of a split, one per line

    Annotations count pixels from 1 and include both corners; samples hold `boxes`,
    xyxy in absolute pixels where pixel i spans [i, i+1), so a box is (xmin - 1,
    ymin - 1, xmax, ymax). Every file is read once, when the reader is made. Images that
    cannot be read, and those without annotation, are left out. Of the boxes, those that
    reach over the image are clipped to it; those of zero area, with swapped corners,
    outside the image, of an unknown class or of no finite numbers are left out, and
    their image stays. All of
    it is named in `problems` and counted in a warning; with `strict` it is an error.

    Args:
        path: String or path of the folder.
        split: String, the name of a file in `ImageSets/Main`.
        class_names: List of strings; without it the names that occur in the split's
            annotations, sorted. Give it where a split may lack a class.
        image_size: `(height, width)` that images and boxes are brought to, or None.
        strict: Boolean, makes every problem an error.

    Attributes: `class_names`, `num_classes`, `colours`, `problems` (list of
    `Problem(file, reason)`), `sizes` (list of (height, width)).

    Raises:
        ValueError: The folders are not there, nothing can be used, or `strict`.

    Reference: Everingham et al., 2010 (https://doi.org/10.1007/s11263-009-0275-4).

    Example:

    >>> def cells():
    ...     return VOCFolder("bccd", "train", ["RBC", "WBC"], image_size=(240, 320))
    """

    def __init__(self, path, split, class_names=None, image_size=None, strict=False):
        self.path = pathlib.Path(path)
        self.split = split
        stems = self._stems()
        problems, samples, read = [], [], []
        with ThreadPoolExecutor() as pool:
            for stem, result in zip(stems, pool.map(self._read, stems), strict=True):
                image, objects, problem = result
                if problem is not None:
                    problems.append(problem)
                else:
                    read.append((stem, image, objects))
        if class_names is None:
            names = {name for _, _, objects in read for name, _, _ in objects}
            class_names = sorted(names)
        if not class_names:
            raise DataError(
                f"No object is annotated in {self.path}, split {split}, so the classes "
                "are unknown.",
                "Pass `class_names`.",
                problems,
            )
        super().__init__(class_names)
        where = f"{self.path}, split {split}"
        report_problems(problems, len(stems), where, strict)
        boxes = []
        for stem, image, objects in read:
            sample, found = self._sample(stem, image, objects, image_size)
            samples.append(sample)
            boxes += found
        report_boxes(boxes, where, strict)
        remember(self, samples)
        self.problems = problems + boxes

    def _stems(self):
        sets = self.path / "ImageSets" / "Main"
        file = sets / f"{self.split}.txt"
        if not file.is_file():
            found = sorted(entry.stem for entry in sets.glob("*.txt"))
            known = f"Splits found: {', '.join(found)}." if found else "There is none."
            raise ValueError(
                f"There is no file {file}. Expected the names of the split's images, "
                f"one per line, without their ending. {known}"
            )
        lines = file.read_text(encoding="utf-8").split("\n")
        stems = [line.split()[0] for line in lines if line.strip()]
        if not stems:
            raise ValueError(f"{file} is empty. Expected one image name per line.")
        return stems

    def _read(self, stem):
        """`(image, objects, None)` or `(None, None, Problem)`."""
        files = sorted((self.path / "JPEGImages").glob(f"{stem}.*"))
        file = files[0] if files else self.path / "JPEGImages" / f"{stem}.jpg"
        annotation = self.path / "Annotations" / f"{stem}.xml"
        try:
            objects = _objects(annotation)
            return read_image(file), objects, None
        except ValueError as error:
            where = annotation if str(error).startswith("annotation") else file
            return None, None, Problem(str(where), str(error))

    def _sample(self, stem, image, objects, image_size):
        height, width = image.shape[:2]
        file = str(self.path / "Annotations" / f"{stem}.xml")
        names = [name for name, _, _ in objects]
        kept, boxes, problems = usable_boxes(
            [box for _, box, _ in objects],
            names,
            self.class_names,
            (height, width),
            file,
        )
        classes = [self.class_names.index(names[number]) for number in kept]
        difficult = [objects[number][2] for number in kept]
        if image_size is not None and tuple(image_size) != (height, width):
            rows, columns = image_size
            image = tf.image.resize(image, image_size, antialias=True)
            image = tf.cast(tf.round(tf.clip_by_value(image, 0, 255)), tf.uint8).numpy()
            scale = [columns / width, rows / height]
            boxes = boxes * np.array(scale * 2, "float32")
        sample = {
            "image": image,
            "boxes": boxes,
            "classes": np.array(classes, "int32"),
            "difficult": np.array(difficult, bool),
            "file": str(self.path / "JPEGImages" / stem),
        }
        return sample, problems


def _objects(annotation):
    """Name, box and whether it is difficult, of each object of an annotation."""
    try:
        tree = ElementTree.parse(annotation)
    except FileNotFoundError:
        raise ValueError("annotation is missing") from None
    except ElementTree.ParseError as error:
        raise ValueError(f"annotation is not valid XML ({error})") from None
    found = []
    for node in tree.iter("object"):
        corners = [
            node.findtext(f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")
        ]
        try:
            box = [float(corner) for corner in corners]
        except (TypeError, ValueError):
            raise ValueError("annotation has an object without numbers") from None
        box = [box[0] - 1, box[1] - 1, box[2], box[3]]
        hard = node.findtext("difficult", "0").strip() == "1"
        found.append((node.findtext("name", "").strip(), box, hard))
    return found
