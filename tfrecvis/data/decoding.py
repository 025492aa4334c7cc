"""Encoded images and label maps to arrays, with one rule for EXIF everywhere.

Photos are turned as their EXIF orientation says, in every format that holds EXIF: JPEG,
PNG, WebP and TIFF. `decode_image` reads what graphs can read; readers, commands and
graphs that are served all decode by it, and by Pillow only what it does not read.
"""

import io

import numpy as np
import tensorflow as tf

from tfrecvis.data.exif import JPEG, PNG, exif_orientation, may_hold_exif, turned
from tfrecvis.optional import optional_import

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif"),  # read by TensorFlow
    *(".webp", ".tif", ".tiff"),  # read by Pillow
)


# AutoGraph would look for Python's loops here for longer than the tracing takes.
@tf.autograph.experimental.do_not_convert
def decode_image(data, channels=3):
    """JPEG, PNG, BMP or GIF bytes to pixels, turned as EXIF says.

    For graphs and for eager use: the same operations run in `tf.data`, in a SavedModel
    and here, so that a model is served what it was trained on. Grey images get three
    equal channels, transparency is dropped, 16 bits become 8, and of an animation the
    first frame is taken. JPEG and PNG may hold EXIF, BMP and GIF cannot.

    Args:
        data: String tensor `()`, or bytes.
        channels: Integer, 3 for RGB; or 1 for grey, the luma of ITU-R BT.601 as
            Pillow's `convert("L")` rounds it.

    Returns:
        uint8 tensor `(height, width, channels)`, 0-255; the size is dynamic.

    Raises:
        ValueError: `channels` is neither 1 nor 3.
        tf.errors.InvalidArgumentError: the bytes are no such image.

    Example:

    >>> data = tf.io.encode_png(np.zeros((2, 3, 1), "uint8"))
    >>> decode_image(data).shape
    TensorShape([2, 3, 3])
    >>> decode_image(data, channels=1).shape
    TensorShape([2, 3, 1])
    """
    if channels not in (1, 3):
        raise ValueError(
            "`channels` must be 3, for RGB, or 1, for grey. Received: "
            f"channels={channels!r}. Decode to 3 and convert what comes out."
        )
    data = tf.convert_to_tensor(data, tf.string)
    start = tf.strings.substr(data, 0, 2)
    image = tf.cond(
        start == b"BM",
        lambda: _decoded_bmp(data),
        lambda: _decode_plain(data),
    )
    image = tf.ensure_shape(image, [None, None, 3])
    image = tf.cond(
        (start == JPEG) | (start == PNG),
        lambda: turned(image, exif_orientation(data)),
        lambda: image,
    )
    return image if channels == 3 else _grey(image)


def _grey(image):
    # TensorFlow's own decoders to one channel refuse colours of a BMP and of a GIF.
    weights = tf.constant([19595, 38470, 7471])  # 0.299, 0.587, 0.114, times 2 ** 16
    luma = tf.reduce_sum(tf.cast(image, tf.int32) * weights, axis=-1, keepdims=True)
    return tf.cast((luma + 2**15) // 2**16, tf.uint8)


def _decode_plain(data):
    return tf.io.decode_image(data, channels=3, expand_animations=False)


# Eager calls of its forty small operations would take as long as the decoding.
_decode_at_once = tf.function(
    lambda data: decode_image(data),
    input_signature=[tf.TensorSpec([], tf.string)],
    autograph=False,
)


def _decoded_bmp(data):
    """BMP bytes to RGB: TensorFlow's own reading knows no palette and no fourth byte.

    A header holds, little-endian, where the pixels start (at byte 10), the length of
    its second part (14) and the bits per pixel (28).
    """
    header = tf.cast(
        tf.io.decode_raw(tf.strings.substr(data, 0, 30), tf.uint8), tf.int32
    )

    def number(place):
        return tf.reduce_sum(header[place : place + 4] * [1, 2**8, 2**16, 2**24])

    def of_palette():
        start = 14 + number(14)
        colours = tf.strings.substr(data, start, number(10) - start)
        colours = tf.reshape(tf.io.decode_raw(colours, tf.uint8), [-1, 4])
        indices = tf.io.decode_bmp(data, channels=0)[..., 0]
        return tf.gather(colours[:, 2::-1], tf.cast(indices, tf.int32))  # from BGR

    return tf.switch_case(
        tf.where(header[28] == 8, 0, tf.where(header[28] == 32, 1, 2)),
        [
            of_palette,
            lambda: tf.io.decode_bmp(data, channels=4)[..., :3],
            lambda: tf.io.decode_bmp(data, channels=3),
        ],
    )


def decode_bytes(data):
    """The bytes of any image that is read to pixels, turned as EXIF says.

    What `decode_image` reads, and through Pillow WebP, TIFF and the like. The content
    decides, not a file's name.

    Args:
        data: Bytes.

    Returns:
        uint8 array `(height, width, 3)`, RGB, 0-255.

    Raises:
        ImportError: Pillow is needed and missing.
        ValueError: the bytes cannot be decoded; in one line.

    Example:

    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (3, 2)).save(file, "webp")
    >>> decode_bytes(file.getvalue()).shape
    (2, 3, 3)
    """
    if not data:
        raise ValueError("is empty (0 bytes)")
    if is_native(data):
        # Without EXIF there is nothing to turn, and nothing to trace a graph for.
        is_plain = not may_hold_exif(data) and data[:2] != b"BM"
        try:
            return (_decode_plain if is_plain else _decode_at_once)(data).numpy()
        except tf.errors.OpError:
            raise ValueError(f"cannot be decoded ({_eager_reason(data)})") from None
    image = _opened(data)
    try:
        Image = optional_import("PIL.Image", extra="data", what="WebP and TIFF")
        ImageOps = optional_import("PIL.ImageOps", extra="data", what="WebP and TIFF")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits, which `convert` would cut off
            values = np.clip(np.asarray(image).astype("int64") >> 8, 0, 255)
            image = Image.fromarray(values.astype("uint8"))
        return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"cannot be decoded ({_reason(error)})") from None


def read_image(path):
    """The pixels of an image file, turned as its EXIF orientation says.

    Args:
        path: String or path of a file; see `IMAGE_SUFFIXES` for its formats.

    Returns:
        uint8 array `(height, width, 3)`, RGB, 0-255.

    Raises:
        ImportError: Pillow is needed and missing.
        ValueError: the file cannot be read or decoded; in one line, without its path.

    Example:

    >>> tf.io.write_file("a.png", tf.io.encode_png(np.zeros((2, 3, 3), "uint8")))
    >>> read_image("a.png").shape
    (2, 3, 3)
    >>> read_image("b.png")
    Traceback (most recent call last):
    ValueError: cannot be opened (No such file or directory)
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ValueError(f"cannot be opened ({error.strerror or error})") from error
    return decode_bytes(data)


@tf.autograph.experimental.do_not_convert
def load_image(path):
    """`read_image` for `Dataset.map`: a string tensor to `(height, width, 3)` uint8.

    Example:

    >>> tf.io.write_file("a.png", tf.io.encode_png(np.zeros((2, 3, 3), "uint8")))
    >>> load_image(tf.constant("a.png")).shape
    TensorShape([2, 3, 3])
    """
    data = tf.io.read_file(path)
    image = tf.cond(
        is_native(data),
        lambda: decode_image(data),
        lambda: tf.numpy_function(decode_bytes, [data], tf.uint8, stateful=False),
    )
    return tf.ensure_shape(image, [None, None, 3])


def is_native(data):
    """Whether bytes, or a string tensor, are of a format that `decode_image` reads.

    Example:

    >>> is_native(b"GIF89a"), is_native(b"RIFF....WEBP")
    (True, False)
    """
    starts = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM")
    if isinstance(data, bytes):
        return data.startswith(starts)
    found = [tf.strings.substr(data, 0, len(start)) == start for start in starts]
    return tf.reduce_any(tf.stack(found))


def decode_labels(data):
    """PNG bytes to a `(height, width)` int32 array of class numbers.

    A palette PNG gives its palette indices, whatever their colours, and a grey PNG
    its values; depths of 1, 2, 4, 8 and 16 bits are read unscaled.

    Raises:
        ImportError: Pillow is missing.
        ValueError: The map is no image, or a colour image.

    Example:

    >>> data = tf.io.encode_png(np.full((2, 3, 1), 7, "uint8")).numpy()
    >>> decode_labels(data).tolist()
    [[7, 7, 7], [7, 7, 7]]
    """
    image = _opened(data)
    if image.mode not in ("L", "P", "1") and not image.mode.startswith("I"):
        raise ValueError(
            f"is a colour image (mode {image.mode}), where a grey or palette image "
            "of class numbers is expected"
        )
    labels = np.asarray(image).astype("int32")
    depth, colour_type = _png_depth(data)
    if image.mode == "L" and colour_type == 0 and depth < 8:
        labels //= 255 // (2**depth - 1)  # PIL stretches grey depths to 0-255
    return labels


def _opened(data):
    """A loaded image of Pillow."""
    Image = optional_import("PIL.Image", extra="data", what="Label maps")
    try:
        image = Image.open(io.BytesIO(data))
        image.info.pop("xmp", None)  # where Pillow would look for an orientation, too
        image.load()
    except Image.UnidentifiedImageError as error:
        raise ValueError("cannot be decoded (no known image format)") from error
    except Exception as error:  # PIL raises a dozen kinds on broken files
        raise ValueError(f"cannot be decoded ({_reason(error)})") from error
    return image


def _png_depth(data):
    """Bits per sample and colour type from a PNG's header; 8, 0 for other formats."""
    if not data.startswith(b"\x89PNG") or len(data) < 26:
        return 8, 0
    return data[24], data[25]


def decode_pair(image_data, labels_data):
    """A decoded image and its label map, or what is wrong with them.

    Args:
        image_data: Bytes.
        labels_data: Bytes.

    Returns:
        `(image, labels, None)` or `(None, None, reason)`.

    Example:

    >>> decode_pair(b"", b"")[2]
    'the image is empty (0 bytes)'
    """
    for data, what in ((image_data, "image"), (labels_data, "label map")):
        if not data:
            return None, None, f"the {what} is empty (0 bytes)"
    try:
        image = decode_bytes(image_data)
    except ValueError as error:
        return None, None, f"the image {error}"
    try:
        labels = decode_labels(labels_data)
    except ValueError as error:
        return None, None, f"the label map {error}"
    reason = find_size_problem(image, labels)
    if reason and labels.shape == image.shape[1::-1] and _is_turned(image_data):
        reason += (
            "; the photo carries an EXIF orientation and was turned as it says, the "
            "label map was not"
        )
    return image, labels, reason


def find_size_problem(image, labels):
    """What is wrong with the size of a label map, or None.

    Example:

    >>> find_size_problem(np.zeros((4, 5, 3)), np.zeros((4, 6)))
    'the label map is 6x4 pixels, but its image 5x4 (width x height)'
    """
    if labels.shape == image.shape[:2]:
        return None
    return (
        f"the label map is {labels.shape[1]}x{labels.shape[0]} pixels, but its image "
        f"{image.shape[1]}x{image.shape[0]} (width x height)"
    )


def read_or_none(path):
    """A file's bytes, or None where it cannot be read.

    Example:

    >>> read_or_none("there/is/no/such/file") is None
    True
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _is_turned(data):
    """Whether height and width of an image change places by its EXIF orientation."""
    if is_native(data):
        return int(exif_orientation(data)) >= 5
    from PIL import Image  # which has decoded the image before

    # Not loaded: Pillow forgets the orientation of a TIFF once it has turned it.
    return Image.open(io.BytesIO(data)).getexif().get(0x0112, 1) >= 5


def _eager_reason(data):
    """Why `decode_image` fails; errors of graphs bury it in their nodes."""
    try:
        decode_image(data)
    except (tf.errors.OpError, ValueError) as error:
        return _reason(error)
    return "unknown"


def _reason(error):
    """What an error says, short: one line, without what TensorFlow puts around it."""
    text = str(getattr(error, "message", error)).strip() or type(error).__name__
    line = text.splitlines()[0]
    line = line.rpartition("}} ")[2].partition(" [Op:")[0]
    return line if len(line) <= 160 else line[:157] + "..."
