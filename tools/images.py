"""Image files: which ones an argument names, and their pixels."""

from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png")


def find_images(inputs):
    """Returns the image files that are named, or lie in the named folders.

    Args:
        inputs: List of paths: files, which are taken as they are, and folders, which
            are searched with all that is in them for .jpg, .jpeg and .png.

    Returns:
        List of (path, path relative to the folder), sorted within a folder.

    Raises:
        UserError: a path does not exist, or a folder holds no image.
    """
    found = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            files = sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in SUFFIXES and file.is_file()
            )
            if not files:
                raise UserError(
                    f"The folder {path} holds no image ({', '.join(SUFFIXES)})."
                )
            found += [(file, file.relative_to(path)) for file in files]
        elif path.is_file():
            found.append((path, Path(path.name)))
        else:
            raise UserError(f"There is no image or folder at {path}.")
    return found


def read_image(path):
    """Returns the pixels of an image file: uint8 `(height, width, 3)`, RGB, 0-255.

    Turned as its EXIF orientation says, as viewers show it.

    Raises:
        ValueError: the file cannot be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits, which `convert` would cut off
                image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # PIL raises a dozen kinds on broken files
        raise ValueError(f"cannot be decoded ({error})") from error
