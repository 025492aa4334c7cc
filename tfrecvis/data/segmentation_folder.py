"""Images and label maps in a folder."""

import pathlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfrecvis.data.decoding import (
    IMAGE_SUFFIXES,
    decode_labels,
    decode_pair,
    load_image,
    read_or_none,
)
from tfrecvis.data.problems import (
    VOID,
    DataError,
    Problem,
    find_label_problem,
    report_problems,
)
from tfrecvis.data.reader import Reader, fits_in_memory, remember

_OTHER_IMAGES = (".avif", ".heic", ".jp2", ".ppm")


class SegmentationFolder(Reader):
    """Images with one label map each, laid out as CamVid's.

        <path>/<split>/<stem>.jpg         or another of `IMAGE_SUFFIXES`
        <path>/<split>annot/<stem>.png    class numbers, grey or palette
        <path>/classes.txt                optional: one class per line, its colour
                                          after it or not: "road 128 64 128"

    Photos are turned as their EXIF orientation says, and their label maps must fit the
    turned photo.

    Every file is decoded once when the reader is made. What cannot be used
    (corrupt images or label maps, images without labels and labels without an
    image, sizes that differ, values that are no class, image formats that are not
    read) is named in `problems`, counted in a warning and left out; with `strict`
    it is an error.

    Args:
        path: String or path of the folder.
        split: String, the name of the folder of images.
        class_names: List of strings; without it those of `classes.txt`; without
            that `class_0`, `class_1`, ... up to the highest label found.
        colours: `(classes, 3)` integers 0-255, RGB, for pictures; default those of
            `classes.txt`, else `class_colours`.
        ignore: Integer or list of integers, label values that become void, such as
            CamVid's 11. 255 is void in any case.
        strict: Boolean, makes every problem an error.
        cache_bytes: Integer; a set whose decoded pixels take no more than this is
            kept in memory, a larger one decoded anew in each epoch.

    Attributes: `class_names`, `num_classes`, `colours`, `problems` (list of
    `Problem(file, reason)`), `sizes` (list of (height, width)), `files`.

    Raises:
        ImportError: Pillow, which reads the label maps, is missing.
        ValueError: The folders are not there.
        DataError: A file cannot be used and `strict`, or none can be used.

    Example:

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("train", "trainannot"):
    ...     (folder / name).mkdir()
    >>> Image.new("RGB", (5, 4)).save(folder / "train" / "a.png")
    >>> Image.new("L", (5, 4), 1).save(folder / "trainannot" / "a.png")
    >>> reader = SegmentationFolder(folder, "train", class_names=["road", "sky"])
    >>> len(reader), reader.sizes
    (1, [(4, 5)])
    """

    def __init__(
        self,
        path,
        split,
        class_names=None,
        colours=None,
        ignore=(),
        strict=False,
        cache_bytes=2**30,
    ):
        self.path = pathlib.Path(path)
        self.split = split
        self.strict = strict
        self._ignore = [int(value) for value in np.atleast_1d(np.array(ignore))]
        pairs, problems = self._pairs()
        if isinstance(class_names, str):
            raise ValueError(
                "`class_names` must be a list of strings. Received: "
                f"class_names={class_names!r}. Write [{class_names!r}] for one class."
            )
        if class_names is None:
            class_names, listed_colours = self._read_classes()
            colours = listed_colours if colours is None else colours
        known = None if class_names is None else len(class_names)

        def check(pair):
            return pair, *self._decode(*pair, known)

        kept, sizes, held, highest = [], [], [], -1
        with ThreadPoolExecutor() as pool:
            for pair, image, labels, reason in pool.map(check, pairs):
                if reason:
                    problems.append(Problem(str(pair[0]), reason))
                    continue
                kept.append(pair)
                sizes.append(labels.shape)
                highest = max(highest, int(labels[labels != VOID].max(initial=-1)))
                if held is not None:
                    sample = {"image": image, "labels": labels.astype("uint8")}
                    held.append({**sample, "file": str(pair[0])})
                    if not fits_in_memory(sizes, cache_bytes):
                        held = None
        total = len(kept) + len({problem.file for problem in problems})
        where = str(self.path / self.split)
        if not total:
            raise ValueError(
                f"There is no image in {where}. Expected files ending in "
                f"{', '.join(IMAGE_SUFFIXES)} there."
            )
        report_problems(problems, total, where, strict)
        if class_names is None:
            class_names = [f"class_{number}" for number in range(highest + 1)]
        if not class_names:
            raise DataError(
                f"All label maps of {where} are void, so their classes are unknown.",
                "Pass `class_names`.",
            )
        super().__init__(class_names, colours)
        self.problems = problems
        self.sizes = sizes
        self.files = [str(image) for image, _ in kept]
        self._label_files = [str(labels) for _, labels in kept]
        if held is not None:
            remember(self, held)

    def load(self, index):
        if self.memory is not None:
            return self.memory.load(index)
        file = tf.constant(self.files)[index]
        labels = tf.numpy_function(
            self._read_labels,
            [tf.constant(self._label_files)[index]],
            tf.int32,
            stateful=False,
        )
        return {
            "image": load_image(file),
            "labels": tf.ensure_shape(labels, [None, None]),
            "file": file,
        }

    def _pairs(self):
        """(image, label map) paths of what has both, and problems of what has not."""
        images = self.path / self.split
        label_maps = self.path / f"{self.split}annot"
        for folder in (images, label_maps):
            if not folder.is_dir():
                raise ValueError(
                    f"There is no folder {folder}. Expected images in {images} and "
                    f"label maps of the same names, as .png, in {label_maps}. "
                    f"{self._splits_found()}"
                )
        pairs, problems = [], []
        for file in sorted(images.iterdir()):
            if file.name.startswith(".") or not file.is_file():
                continue
            labels = label_maps / f"{file.stem}.png"
            if file.suffix.lower() in _OTHER_IMAGES:
                reason = (
                    f"is not read: convert it to one of {', '.join(IMAGE_SUFFIXES)}"
                )
                problems.append(Problem(str(file), reason))
            elif file.suffix.lower() in IMAGE_SUFFIXES and labels.is_file():
                pairs.append((file, labels))
            elif file.suffix.lower() in IMAGE_SUFFIXES:
                problems.append(Problem(str(file), f"has no label map {labels}"))
        stems = {file.stem for file in images.iterdir()}
        for labels in sorted(label_maps.glob("*.png")):
            if labels.stem not in stems and not labels.name.startswith("."):
                reason = f"is the label map of no image in {images}"
                problems.append(Problem(str(labels), reason))
        return pairs, problems

    def _splits_found(self):
        annotated = [folder.name for folder in self.path.glob("*annot")]
        splits = sorted(name.removesuffix("annot") for name in annotated)
        if not splits:
            return f"{self.path} has no folder that ends in 'annot'."
        return f"Splits found: {', '.join(splits)}."

    def _read_classes(self):
        file = self.path / "classes.txt"
        if not file.is_file():
            return None, None
        names, colours = [], []
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) > 3 and all(word.isdecimal() for word in words[-3:]):
                colours.append([int(word) for word in words[-3:]])
                words = words[:-3]
            if words:
                names.append(" ".join(words))
        if not names:
            raise ValueError(f"{file} is empty. Expected one class name per line.")
        return names, colours if len(colours) == len(names) else None

    def _decode(self, image_file, labels_file, num_classes):
        """`(image, labels, None)` or `(None, None, reason)`."""
        image_data, labels_data = read_or_none(image_file), read_or_none(labels_file)
        if image_data is None or labels_data is None:
            return None, None, f"it or {labels_file} cannot be opened"
        image, labels, reason = decode_pair(image_data, labels_data)
        if reason is None:
            labels = self._without_ignored(labels)
            problem = find_label_problem(labels, num_classes)
            reason = problem and f"the label map {labels_file} {problem}"
        return image, labels, reason

    def _read_labels(self, file):
        data = pathlib.Path(file.decode()).read_bytes()
        return self._without_ignored(decode_labels(data))

    def _without_ignored(self, labels):
        if self._ignore:
            labels = np.where(np.isin(labels, self._ignore), VOID, labels)
        return labels.astype("int32")
