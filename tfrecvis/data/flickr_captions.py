"""Photos with captions in the text files of Flickr8k and Flickr30k."""

import pathlib
from collections import defaultdict

from tfrecvis.data.caption_reader import CaptionReader, read_text
from tfrecvis.data.problems import DataError, Problem

_FOLDERS = ("images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k-images")
_LISTS = ("{}.txt", "Flickr_8k.{}Images.txt", "Flickr8k_text/Flickr_8k.{}Images.txt")


class FlickrCaptions(CaptionReader):
    """Photos and sentences in a text file of tokens, as Flickr8k and Flickr30k have it.

        <path>/*.token or *.token.txt   lines of `photo.jpg#0<tab>a sentence`
        <path>/<split>.txt              names of the split's photos, one per line
        <path>/images/<photo>           the photos themselves

    The files of the archives may stay where they are: the texts in `Flickr8k_text`, the
    lists of a split under the name `Flickr_8k.trainImages.txt` ("val" is "dev" there),
    and the photos in `Flicker8k_Dataset`, `Flickr8k_Dataset` or `flickr30k-images`. Of
    several files of tokens the first by name is read, so that Flickr8k's lemmas
    (`Flickr8k.lemma.token.txt`) come second. What cannot be used is left out, and said,
    as `tfrecvis.data.caption_reader.CaptionReader` has it; so are lines without a tab.

    Args:
        path: String or path of the folder.
        split: String, such as "train", "val" or "test".
        image_size: `(height, width)` that all photos are resized to, or None.
        strict: Boolean, makes every problem an error.

    Attributes: `captions`, list of lists of strings; `problems`, list of
    `Problem(file, reason)`; `sizes`, list of (height, width).

    Raises:
        ValueError: A file is missing or wrong, nothing can be used, or `strict`.

    References: Hodosh et al., 2013 (https://doi.org/10.1613/jair.3994); Young et al.,
    2014 (https://aclanthology.org/Q14-1006).

    Example:

    >>> def photos():
    ...     return FlickrCaptions("flickr30k", "train", image_size=(128, 128))
    """

    def __init__(self, path, split, image_size=None, strict=False):
        path = pathlib.Path(path)
        names = _names(path, split)
        captions, problems = _captions(_token_file(path))
        wanted = set(names)
        problems = [  # those of lines without a photo are of every split
            problem for photo, problem in problems if photo is None or photo in wanted
        ]
        folders = [path / name for name in _FOLDERS if (path / name).is_dir()]
        if not folders:
            raise ValueError(
                f"There is no folder of photos in {path}. Expected one of: "
                f"{', '.join(_FOLDERS)}."
            )
        listed = [(folders[0] / name, captions[name]) for name in names]
        super().__init__(
            path, split, listed, None, problems, image_size=image_size, strict=strict
        )


def _names(path, split):
    """The names of a split's photos."""
    words = [split, "dev"] if split == "val" else [split]
    files = [path / name.format(word) for name in _LISTS for word in words]
    found = [file for file in files if file.is_file()]
    if not found:
        raise ValueError(
            f"There is no list of the split {split!r}, one name of a photo per line. "
            f"Expected one of: {', '.join(str(file) for file in files)}."
        )
    names = [line.strip() for line in read_text(found[0]).splitlines()]
    names = list(dict.fromkeys(name for name in names if name))
    if not names:
        raise DataError(f"{found[0]} is empty. Expected one name of a photo per line.")
    return names


def _token_file(path):
    folders = path, path / "Flickr8k_text"
    endings = "*.token.txt", "*.token"
    found = [f for where in folders for end in endings for f in where.glob(end)]
    if not found:
        raise ValueError(
            f"There is no file of captions, *.token or *.token.txt, in {path}."
        )
    return min(found, key=lambda file: ("lemma" in file.name, file.name))


def _captions(file):
    """Captions by the photo's name, and (None, `Problem`) of lines that are none."""
    captions, problems = defaultdict(list), []
    for number, line in enumerate(read_text(file).split("\n"), 1):
        name, tab, caption = line.rstrip("\r").partition("\t")
        if tab and "#" in name:
            captions[name.rpartition("#")[0]].append(caption)
        elif line.strip():
            reason = f"line {number} is not `photo#number<tab>sentence`"
            problems.append((None, Problem(str(file), reason)))
    return captions, problems
