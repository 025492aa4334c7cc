import io
import struct
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfrecvis.data import IMAGE_SUFFIXES, decode_image, read_image
from tfrecvis.data.decoding import (
    decode_bytes,
    decode_pair,
    exif_orientation,
    load_image,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (21, 34, 3), "uint8")
in_graph = tf.function(
    lambda data: decode_image(data), input_signature=[tf.TensorSpec([], tf.string)]
).get_concrete_function()


def jpeg(exif=b"", pixels=PIXELS):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "jpeg", quality=95, exif=exif)
    return data.getvalue()


def encoded(kind, pixels=PIXELS, mode=None):
    data = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(data, kind)
    return data.getvalue()


def exif(value, order="<", before=(), marker=b"Exif\0\0", kind=3, tag=0x0112):
    """An EXIF block written by hand: entries of 12 bytes, the orientation last."""
    entries = [*before, (tag, kind, 1, value)]
    directory = struct.pack(order + "H", len(entries))
    for tag, kind, count, entry in entries:
        directory += struct.pack(order + "HHIHH", tag, kind, count, entry, 0)
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return marker + header + directory + struct.pack(order + "I", 0)


@pytest.mark.parametrize("decode", [decode_image, in_graph, decode_bytes])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_turned_as_pillow_turns_it(orientation, order, decode):
    data = jpeg(exif(orientation, order))
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x0112] == orientation
        # The same decoder's pixels, turned by Pillow: equal to the last bit.
        upright = Image.fromarray(tf.io.decode_jpeg(data, channels=3).numpy())
        upright.getexif()[0x0112] = orientation
        expected = np.asarray(ImageOps.exif_transpose(upright))
    if orientation == 1:
        assert expected.shape == PIXELS.shape
    np.testing.assert_array_equal(decode(tf.constant(data).numpy()), expected)


def png(tag, late=False, pixels=PIXELS):
    """A PNG with a chunk eXIf before or behind the pixels."""
    data = encoded("png", pixels)
    chunk = b"eXIf" + tag.removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(chunk) - 4) + chunk
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    place = data.index(b"IEND" if late else b"IDAT") - 4
    return data[:place] + chunk + data[place:]


def read_through_dataset(data, tmp_path):
    (tmp_path / "a").write_bytes(data)
    paths = tf.data.Dataset.from_tensors(str(tmp_path / "a"))
    return next(iter(paths.map(load_image)))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_png_is_turned_as_pillow_turns_it(orientation, order, late):
    data = png(exif(orientation, order), late)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert (expected.shape == PIXELS.shape) == (orientation < 5)
    for decode in (decode_image, in_graph, decode_bytes):
        np.testing.assert_array_equal(decode(data), expected)


def test_pixels_of_a_png_that_spell_the_chunk_turn_nothing():
    # Stored, not deflated: the name is among the pixels as it is.
    pixels = np.frombuffer(b"eXIf" + bytes(20), "uint8").reshape(2, 4, 3)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png", compress_level=0)
    assert b"eXIf" in data.getvalue()
    for decode in (decode_image, in_graph, decode_bytes):
        np.testing.assert_array_equal(decode(data.getvalue()), pixels)


@pytest.mark.parametrize("length", [0, 4, 7, 8, 12, 17, 19])
def test_png_with_exif_that_is_cut_off_is_left_as_it_is(length):
    data = png(exif(6)[6:][:length], late=True)
    np.testing.assert_array_equal(in_graph(data), PIXELS)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["png", "webp", "jpeg", "tiff"])
def test_every_way_to_read_a_file_turns_it_alike(tmp_path, kind, orientation):
    tag = Image.Exif()
    tag[0x0112] = orientation
    data = io.BytesIO()
    options = {"lossless": True} if kind == "webp" else {}
    Image.fromarray(PIXELS).save(data, kind, exif=tag, **options)
    data = data.getvalue()
    image = decode_bytes(data)
    assert image.shape == ((21, 34, 3) if orientation == 3 else (34, 21, 3))
    if kind != "jpeg":  # which loses something
        turned = np.rot90(PIXELS, 2 if orientation == 3 else -1)
        np.testing.assert_array_equal(image, turned)
    np.testing.assert_array_equal(read_through_dataset(data, tmp_path), image)
    np.testing.assert_array_equal(read_image(tmp_path / "a"), image)
    if kind in ("png", "jpeg"):  # what servers take
        np.testing.assert_array_equal(in_graph(data), image)


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/'
    '02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("kind", ["webp", "jpeg", "tiff"])
def test_orientation_outside_exif_turns_nothing(kind):
    data = io.BytesIO()
    where = (
        {"tiffinfo": {700: XMP.encode()}} if kind == "tiff" else {"xmp": XMP.encode()}
    )
    Image.fromarray(PIXELS).save(data, kind, **where)
    with Image.open(io.BytesIO(data.getvalue())) as image:
        assert image.getexif()[0x0112] == 6, "Pillow finds it"
    assert decode_bytes(data.getvalue()).shape == PIXELS.shape


@pytest.mark.parametrize("orientation", [0, 9, 6 * 256])
def test_orientation_that_there_is_not_leaves_the_photo_as_it_is(orientation):
    assert int(exif_orientation(jpeg(exif(orientation)))) == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_found_behind_other_entries_and_other_segments(order):
    others = [(0x0100, 3, 1, 7), (0x010F, 3, 1, 0x0112)]
    data = jpeg(exif(8, order, others))
    assert int(exif_orientation(data)) == 8
    comment = b"\xff\xfe" + struct.pack(">H", 60002) + b"x" * 60000
    assert int(exif_orientation(data[:2] + comment + data[2:])) == 8


def test_bytes_of_an_orientation_elsewhere_are_no_orientation():
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    assert int(exif_orientation(jpeg() + entry)) == 1
    # Of another type; in a thumbnail's directory behind the first one.
    assert int(exif_orientation(jpeg(exif(6, kind=4)))) == 1
    second = exif(1, tag=0x0100) + struct.pack("<H", 1) + entry
    assert int(exif_orientation(jpeg(second))) == 1


def test_photo_with_a_thumbnail_is_turned_by_its_own_exif():
    assert int(exif_orientation(jpeg(exif(6)) + jpeg(exif(3)))) == 6


@pytest.mark.parametrize("length", [0, 1, 6, 7, 10, 14, 15, 16, 20, 27])
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_that_is_cut_off_leaves_the_photo_as_it_is(length, order):
    assert int(exif_orientation(exif(6, order)[:length])) == 1


def test_directory_far_away_is_no_error():
    block = bytearray(exif(6))
    for start in (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x40\x00\x00"):
        block[10:14] = start
        assert int(exif_orientation(bytes(block))) == 1


def test_photo_without_exif_is_decoded_as_it_is():
    data = jpeg()
    np.testing.assert_array_equal(in_graph(data), tf.io.decode_jpeg(data, 3))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA"])
def test_png_of_any_mode_is_the_rgb_of_pillow(mode):
    data = encoded("png", mode=mode)
    expected = Image.open(io.BytesIO(data)).convert("RGB")
    np.testing.assert_array_equal(in_graph(data), expected)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_bmp_with_and_without_palette_is_the_rgb_of_pillow(mode):
    data = encoded("bmp", mode=mode)
    expected = Image.open(io.BytesIO(data)).convert("RGB")
    np.testing.assert_array_equal(in_graph(data), expected)


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_one_channel_is_the_grey_of_pillow(kind, mode):
    data = encoded(kind, mode=mode)
    expected = Image.fromarray(decode_image(data).numpy()).convert("L")
    grey = decode_image(data, channels=1)
    assert grey.dtype == tf.uint8
    np.testing.assert_array_equal(grey[..., 0], expected)


def test_one_channel_is_turned_too():
    grey = decode_image(jpeg(exif(6)), channels=1)
    upright = decode_image(jpeg(), channels=1)
    np.testing.assert_array_equal(grey, np.rot90(upright, -1))


@pytest.mark.parametrize("channels", [0, 2, 4, None])
def test_other_channels_are_refused(channels):
    with pytest.raises(
        ValueError, match=f"or 1, for grey. Received: channels={channels}"
    ):
        decode_image(jpeg(), channels=channels)


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = io.BytesIO()
    frames[0].save(data, "gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(in_graph(data.getvalue()), frames[0])


def test_sixteen_bits_become_eight(tmp_path):
    deep = np.arange(0, 2**16, 2**16 // 64).reshape(8, 8).astype("uint16")
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        image = read_image(tmp_path / name)
        np.testing.assert_array_equal(image, (deep >> 8)[..., None].repeat(3, -1))


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_file_of_every_format_is_read(tmp_path, suffix):
    smooth = np.mgrid[:20, :30].sum(0)[..., None].repeat(3, -1).astype("uint8")
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(smooth).save(tmp_path / f"a{suffix}", **options)
    image = read_image(tmp_path / f"a{suffix}")
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - smooth).max() <= 3  # what JPEG loses


@pytest.mark.parametrize("kind", ["webp", "tiff", "jpeg"])
def test_file_that_pillow_reads_is_turned_too(tmp_path, kind):
    tall = np.zeros((8, 16, 3), "uint8")
    tall[:, 8:] = 255
    image = Image.fromarray(tall)
    tag = image.getexif()
    tag[0x0112] = 6
    image.save(tmp_path / f"a.{kind}", exif=tag)
    turned = read_image(tmp_path / f"a.{kind}")
    assert turned.shape == (16, 8, 3)
    assert turned[:7].max() < 30 < 220 < turned[9:].min()


def test_name_does_not_decide_the_format(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded("webp"))
    assert read_image(tmp_path / "a.jpg").shape == PIXELS.shape


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image at all",
        b"\xff\xd8 no photo",
        b"\x89PNG\r\n\x1a\n no picture",
        b"GIF89a",
        b"BM",
        b"BM" + bytes(100),
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"II*\0\xff\xff\xff\xff",
        jpeg()[:500],
        encoded("png")[:500],
        encoded("tiff")[:500],
        encoded("webp")[:300],
    ],
)
def test_broken_file_is_one_short_line(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ValueError, match="cannot be decoded|is empty") as caught:
        read_image(tmp_path / "a.jpg")
    text = str(caught.value)
    assert len(text) < 200
    assert "\n" not in text
    assert "node" not in text
    assert "Op:" not in text
    assert "0x" not in text


def test_missing_file_says_so():
    with pytest.raises(ValueError, match=r"cannot be opened \(No such file"):
        read_image("no/such/file.png")


def test_exported_model_decodes_any_size(tmp_path):
    module = tf.Module()
    module.decode = tf.function(
        decode_image, input_signature=[tf.TensorSpec([], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    for data in (jpeg(exif(5)), encoded("png"), encoded("bmp", mode="P")):
        np.testing.assert_array_equal(loaded.decode(data), decode_image(data))


def test_map_over_a_batch_of_bytes_turns_each_image_by_its_own_tag():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def sizes(batch):
        return tf.map_fn(
            lambda data: tf.shape(decode_image(data))[:2],
            batch,
            fn_output_signature=tf.int32,
        )

    data = [jpeg(exif(6)), jpeg(), encoded("png")]
    assert sizes(tf.constant(data)).numpy().tolist() == [[34, 21], [21, 34], [21, 34]]


def test_label_map_of_the_unturned_photo_is_told_from_one_of_another_size():
    upright = encoded("png", np.zeros((34, 21), "uint8"))
    unturned = encoded("png", np.zeros((21, 34), "uint8"))
    for orientation in (5, 6, 7, 8):
        data = jpeg(exif(orientation))
        assert decode_pair(data, upright)[2] is None
        reason = decode_pair(data, unturned)[2]
        assert "is 34x21 pixels, but its image 21x34" in reason
        assert "carries an EXIF orientation" in reason
    assert "EXIF" not in decode_pair(jpeg(), upright)[2]


def test_missing_pillow_says_how_to_install_it(monkeypatch):
    data = jpeg()
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert decode_bytes(data).shape == PIXELS.shape  # needs no Pillow
    with pytest.raises(ImportError, match=r"pip install 'tfrecvis\[data\]'"):
        decode_bytes(b"RIFF....WEBP")
