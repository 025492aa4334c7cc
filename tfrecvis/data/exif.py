"""The EXIF orientation of photos, in graphs.

One rule for all formats, wherever images are decoded: EXIF turns a photo, and nothing
else does. JPEG and PNG are turned here; WebP and TIFF, which no graph reads, by Pillow;
BMP and GIF have no EXIF.
"""

import tensorflow as tf

SEARCHED = 2**16  # bytes; EXIF is in a JPEG's first segments, of 64 KiB each
JPEG, PNG = b"\xff\xd8", b"\x89P"  # what their files begin with
IN_JPEG = b"Exif\0\0"  # before the TIFF header of EXIF
IN_PNG = b"eXIf"  # likewise; the name of the chunk, which may stand anywhere


def may_hold_exif(data):
    """Whether the bytes of an image may hold EXIF that `exif_orientation` reads.

    Example:

    >>> may_hold_exif(JPEG + b"..Exif"), may_hold_exif(JPEG + b"..Exif\\0\\0II*")
    (False, True)
    """
    if data.startswith(PNG):
        return IN_PNG in data
    return data.startswith(JPEG) and IN_JPEG in data[: SEARCHED + len(IN_JPEG)]


def exif_orientation(data):
    """The EXIF orientation of the bytes of a JPEG or PNG, 1 to 8.

    It is 1, upright, where there is none. Of a PNG the chunk eXIf is read, and not the
    compressed text in which older programs keep EXIF.

    Args:
        data: String tensor `()`, or bytes.

    Returns:
        int32 tensor `()`. From 5 on, height and width change places.

    Example:

    >>> int(exif_orientation(b"no EXIF here"))
    1
    """
    data = tf.convert_to_tensor(data, tf.string)

    def of_jpeg():
        # EXIF may start late in what is searched, and then runs on behind it.
        codes = tf.io.decode_raw(tf.strings.substr(data, 0, 2 * SEARCHED), tf.uint8)
        return codes, _ends(codes, [IN_JPEG], SEARCHED)

    def of_png():
        # With the TIFF header's first bytes, which pixels will not hold by chance.
        words = [IN_PNG + order for order in (b"II*\0", b"MM\0*")]
        codes = tf.io.decode_raw(data, tf.uint8)
        return codes, _ends(codes, words, tf.size(codes)) - 4

    is_png = tf.strings.substr(data, 0, len(PNG)) == PNG
    codes, starts = tf.cond(is_png, of_png, of_jpeg)
    return tf.cond(
        tf.size(starts) > 0,
        # The first one: later ones are those of thumbnails.
        lambda: _orientation_of_tiff(codes[starts[0] : starts[0] + SEARCHED]),
        lambda: tf.constant(1),
    )


def _ends(codes, words, searched):
    """Where any of several words of one length ends that starts in the first bytes."""
    first, length = words[0][0], len(words[0])
    starts = tf.where(codes[:searched] == first)
    found = tf.gather(tf.pad(codes, [[0, length]]), starts + range(length))
    equal = [tf.reduce_all(found == list(word), axis=1) for word in words]
    return starts[tf.reduce_any(equal, axis=0)][:, 0] + length


def _orientation_of_tiff(codes):
    """The orientation in the first directory of a TIFF header's bytes; 1 without one.

    A header is "II" or "MM" (the byte order), 42, and where the directory starts: a
    count, then entries of 12 bytes. That of the orientation is its tag 0x0112, the
    type 3 (16 bits), the count 1 and the value.
    """
    codes = tf.cast(codes, tf.int32)
    size = tf.size(codes)
    little = tf.reduce_all(codes[:2] == ord("I"))

    def number(place, length):
        """The unsigned integer of `length` bytes at a place; 0 beyond the end."""
        part = codes[place : place + length]
        part = tf.cond(little, lambda: part[::-1], lambda: part)
        return tf.reduce_sum(part * 256 ** tf.range(tf.size(part))[::-1])

    # Places beyond what was read, or made negative by an overflow, lead nowhere.
    start = tf.clip_by_value(number(4, 4), 0, size) + 2
    count = tf.minimum(number(start - 2, 2), tf.maximum(size - start, 0) // 12)
    entries = tf.reshape(codes[start : start + 12 * count], [-1, 12])
    wanted = tf.cond(
        little,
        lambda: tf.constant([0x12, 0x01, 3, 0, 1, 0, 0, 0]),
        lambda: tf.constant([0x01, 0x12, 0, 3, 0, 0, 0, 1]),
    )
    is_orientation = tf.reduce_all(entries[:, :8] == wanted, axis=1)
    values = tf.cond(
        little,
        lambda: entries[:, 8] + 256 * entries[:, 9],
        lambda: entries[:, 9] + 256 * entries[:, 8],
    )
    values = tf.boolean_mask(values, is_orientation & (values >= 1) & (values <= 8))
    return tf.concat([values, [1]], axis=0)[0]


def turned(image, orientation):
    """An image as its EXIF orientation says, 1 to 8."""
    # `reverse` is several times faster than a slice with a step of -1.
    turns = [
        lambda: image,
        lambda: tf.reverse(image, [1]),
        lambda: tf.reverse(image, [0, 1]),
        lambda: tf.reverse(image, [0]),
        lambda: tf.transpose(image, [1, 0, 2]),
        lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [1]),
        lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [0, 1]),
        lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [0]),
    ]
    turned = tf.switch_case(orientation - 1, turns)
    return tf.ensure_shape(turned, [None, None, 3])
