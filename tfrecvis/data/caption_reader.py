"""What the readers of photos with captions share."""

import pathlib
import warnings

import tensorflow as tf

from tfrecvis.data.decoding import load_image
from tfrecvis.data.memory import Memory
from tfrecvis.data.problems import DataError, Problem, problem_lines, report_problems
from tfrecvis.data.reader import Reader
from tfrecvis.data.vocabulary import split_words
from tfrecvis.ops.checks import as_integers
from tfrecvis.optional import optional_import

_WRONG = "\ufffd"  # what stands for bytes that are no UTF-8
_TURNED = range(5, 9)  # EXIF orientations that swap height and width


class CaptionReader(Reader):
    """Photos with sentences about them; a subclass finds out which.

    Images are read one by one when they are needed. Left out, named in `problems` and
    counted in a warning are photos that are missing, cannot be decoded or have no
    caption left, and captions without a word, that are no text in UTF-8, or whose photo
    nothing else names; with `strict` all of this is an error.

    Args:
        path: String or path of the folder.
        split: String.
        listed: List of (file, captions), the photos of the split: a path and a list of
            strings.
        sizes: List of (height, width) of the photos, or None to look into the files.
        problems: List of `Problem` that the subclass found in the captions.
        image_size: `(height, width)` that all photos are resized to, or None.
        strict: Boolean, makes every problem an error.

    Attributes: `captions`, list of lists of strings; `problems`, `sizes`.

    Raises:
        ValueError: Nothing can be used, or `strict`.

    Example:

    >>> tf.io.write_file("a.png", tf.io.encode_png(tf.zeros((4, 6, 3), tf.uint8)))
    >>> reader = CaptionReader(".", "val", [("a.png", ["A dog.", "A cat."])])
    >>> reader.sizes, reader.load(0)["captions"].numpy().tolist()
    ([(4, 6)], [b'A dog.', b'A cat.'])
    """

    def __init__(
        self,
        path,
        split,
        listed,
        sizes=None,
        problems=(),
        image_size=None,
        strict=False,
    ):
        super().__init__()
        if image_size is not None:
            image_size = as_integers("image_size", tuple(image_size), count=2)
        self.path = pathlib.Path(path)
        self.split = split
        self._image_size = image_size
        of_captions, of_photos, samples = list(problems), [], []
        self.sizes, self.captions = [], []
        for number, (file, captions) in enumerate(listed):
            file = str(file)
            kept, found = usable_captions(captions, file)
            of_captions += found
            try:
                if not pathlib.Path(file).is_file():
                    raise ValueError("is missing")
                if not kept:
                    raise ValueError("has no caption")
                size = sizes[number] if sizes else _size_of(file)
            except ValueError as error:
                of_photos.append(Problem(file, str(error)))
                continue
            samples.append({"captions": kept, "file": file})
            self.captions.append(kept)
            self.sizes.append(image_size or size)
        where = f"{self.path}, split {split}"
        report_captions(of_captions, where, strict)
        report_problems(of_photos, len(listed), where, strict)
        if not samples:
            raise DataError(f"{where} names no photo.")
        self._sentences = Memory(samples)
        self.problems = of_photos + of_captions

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        sample = self._sentences.load(index)
        image = resized(load_image(sample["file"]), self._image_size)
        return {"image": image, **sample}


def resized(image, size):
    """A photo, uint8 `(height, width, 3)`, in another size; None leaves it.

    Example:

    >>> resized(tf.zeros((4, 6, 3), tf.uint8), (2, 2)).shape
    TensorShape([2, 2, 3])
    """
    if size is None:
        return image
    image = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(image, 0, 255)), tf.uint8)


def usable_captions(captions, file):
    """The captions of a photo that can be used, and what is wrong with the others.

    Args:
        captions: List of what should be strings.
        file: String, the photo, for the problems.

    Returns:
        List of strings, and list of `Problem`.

    Example:

    >>> kept, problems = usable_captions(["A dog.", " . ", None], "a.jpg")
    >>> kept, [problem.reason for problem in problems]
    (['A dog.'], ['caption 1 is empty', 'caption 2 is no text'])
    """
    kept, problems = [], []
    for number, caption in enumerate(captions):
        if not isinstance(caption, str):
            reason = "is no text"
        elif _WRONG in caption:
            reason = "is not in UTF-8"
        elif not split_words([caption])[0]:
            reason = "is empty"
        else:
            kept.append(" ".join(caption.split()))
            continue
        problems.append(Problem(file, f"caption {number} {reason}"))
    return kept, problems


def read_text(file):
    """A file's text; what is no UTF-8 becomes U+FFFD, which `usable_captions` finds.

    Raises:
        ValueError: it is missing, or not text in UTF-8 at all.

    Example:

    >>> pathlib.Path("a.txt").write_bytes(b"a\\xff")
    2
    >>> read_text(pathlib.Path("a.txt")) == "a" + _WRONG
    True
    """
    if not file.is_file():
        raise ValueError(f"There is no file {file}.")
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4096]:
        raise DataError(f"{file} is not in UTF-8. Write it anew in this encoding.")
    return data.decode("utf-8-sig", errors="replace")


def _size_of(file):
    """Height and width of a photo, from the first bytes of its file."""
    library = optional_import("PIL.Image", extra="data", what="Sizes of photos")
    try:
        with library.open(file) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in _TURNED
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"cannot be decoded ({type(error).__name__})") from None
    return (width, height) if turned else (height, width)


def report_captions(problems, where, strict):
    """Warns of captions that cannot be used; with `strict` that is an error."""
    if not problems:
        return
    listing = "\n".join(problem_lines(problems))
    text = f"{len(problems)} captions of {where} cannot be used:\n{listing}\n"
    if strict:
        hint = "Correct them, or pass strict=False to go on without them."
        raise DataError(text, hint, problems)
    warnings.warn(f"{text}Going on without them.", stacklevel=4)
