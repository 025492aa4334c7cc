import io
import pathlib
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import (
    IMAGE_SUFFIXES,
    DataError,
    SegmentationFolder,
    batches,
    read_image,
)

CAMVID = pathlib.Path(__file__).parents[3] / "shared" / "data" / "camvid"
needs_camvid = pytest.mark.skipif(
    not CAMVID.is_dir(), reason="CamVid is not in ../shared/data/camvid"
)
NAMES = ["road", "sky", "tree"]


def save(folder, name, image, labels, split="train"):
    for part in (split, f"{split}annot"):
        (folder / part).mkdir(exist_ok=True)
    Image.fromarray(image).save(folder / split / name)
    label_map = Image.fromarray(labels.astype("uint8"))
    label_map.save(folder / f"{split}annot" / f"{pathlib.Path(name).stem}.png")


def pixels(seed, size=(6, 8)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*size, 3), "uint8"), rng.integers(0, 3, size)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["a.png", "b.png", "c.png"]):
        save(tmp_path, name, *pixels(number))
    return tmp_path


def read(*arguments, **options):
    """The reader, and the warning that it gave or None."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reader = SegmentationFolder(*arguments, **options)
    ours = [str(w.message) for w in caught if "cannot be used" in str(w.message)]
    return reader, ours[0] if ours else None


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_samples_are_the_files_pixels_in_the_order_of_their_names(folder, cache_bytes):
    reader, warning = read(folder, "train", NAMES, cache_bytes=cache_bytes)
    assert warning is None
    assert reader.problems == []
    samples = list(reader.samples().as_numpy_iterator())
    assert len(samples) == len(reader) == 3
    for number, sample in enumerate(samples):
        image, labels = pixels(number)
        np.testing.assert_array_equal(sample["image"], image)
        np.testing.assert_array_equal(sample["labels"], labels)
        assert sample["image"].dtype == np.uint8
        assert sample["labels"].dtype == np.int32
        assert sample["file"].decode().endswith("abc"[number] + ".png")


def test_small_sets_are_decoded_once_and_large_ones_each_time(folder):
    small, _ = read(folder, "train", NAMES)
    large, _ = read(folder, "train", NAMES, cache_bytes=0)
    for file in (folder / "train").iterdir():
        file.unlink()
    assert len(list(small.samples())) == 3
    with pytest.raises(Exception, match="No such file"):
        list(large.samples())


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_palette_label_maps_are_read_as_indices(tmp_path, cache_bytes):
    image, labels = pixels(0)
    save(tmp_path, "a.png", image, labels)
    palette = Image.fromarray(labels.astype("uint8"), mode="P")
    palette.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200])
    palette.save(tmp_path / "trainannot" / "a.png")
    reader, _ = read(tmp_path, "train", NAMES, cache_bytes=cache_bytes)
    [sample] = reader.samples().as_numpy_iterator()
    np.testing.assert_array_equal(sample["labels"], labels)


def test_one_bit_and_sixteen_bit_label_maps_are_read_unscaled(tmp_path):
    image, labels = pixels(0)
    save(tmp_path, "a.png", image, labels)
    save(tmp_path, "b.png", image, labels)
    one_bit = Image.fromarray(labels == 1)
    assert one_bit.mode == "1"
    one_bit.save(tmp_path / "trainannot" / "a.png")
    Image.fromarray(labels.astype("uint16")).save(tmp_path / "trainannot" / "b.png")
    reader, _ = read(tmp_path, "train", NAMES)
    first, second = reader.samples().as_numpy_iterator()
    np.testing.assert_array_equal(first["labels"], labels == 1)
    np.testing.assert_array_equal(second["labels"], labels)


def two_bit_grey_png(labels):
    """A PNG of two bits per pixel, which PIL cannot write."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    height, width = labels.shape
    shifts = 4 ** np.array([3, 2, 1, 0])
    rows = (labels.reshape(height, -1, 4) * shifts).sum(-1).astype("uint8")
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 2, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def test_two_bit_grey_label_maps_are_read_unscaled(tmp_path):
    image, labels = pixels(0)
    save(tmp_path, "a.png", image, labels)
    (tmp_path / "trainannot" / "a.png").write_bytes(two_bit_grey_png(labels))
    [sample] = read(tmp_path, "train", NAMES)[0].samples().as_numpy_iterator()
    np.testing.assert_array_equal(sample["labels"], labels)


def test_grey_image_and_image_with_transparency_come_as_rgb(tmp_path):
    image, labels = pixels(0)
    save(tmp_path, "grey.png", image[..., 0], labels)
    save(tmp_path, "rgba.png", np.dstack([image, image[..., 0]]), labels)
    grey, rgba = read(tmp_path, "train", NAMES)[0].samples().as_numpy_iterator()
    np.testing.assert_array_equal(grey["image"], np.repeat(image[..., :1], 3, -1))
    np.testing.assert_array_equal(rgba["image"], image)


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_images_of_every_suffix_are_read(tmp_path, cache_bytes):
    image, labels = pixels(0, (16, 24))
    smooth = np.sort(image, axis=1) // 2
    for suffix in IMAGE_SUFFIXES:
        save(tmp_path, f"{suffix[1:]}{suffix.upper()}", smooth, labels)
    reader, warning = read(tmp_path, "train", NAMES, cache_bytes=cache_bytes)
    assert warning is None
    samples = list(reader.samples().as_numpy_iterator())
    assert len(samples) == len(IMAGE_SUFFIXES)
    for sample, file in zip(samples, reader.files, strict=True):
        np.testing.assert_array_equal(sample["image"], read_image(file))
        np.testing.assert_array_equal(sample["labels"], labels)


def save_photo(folder, name, image, labels, orientation):
    save(folder, name, image, labels)
    photo = Image.fromarray(image)
    photo.getexif()[0x0112] = orientation
    photo.save(folder / "train" / name, exif=photo.getexif())


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_photo_is_turned_as_exif_says_and_its_labels_fit(tmp_path, suffix, cache_bytes):
    image, _ = pixels(0)
    _, labels = pixels(0, (8, 6))
    save_photo(tmp_path, f"a.{suffix}", image, labels, 6)
    reader, warning = read(tmp_path, "train", NAMES, cache_bytes=cache_bytes)
    assert warning is None
    [sample] = reader.samples().as_numpy_iterator()
    assert sample["image"].shape == (8, 6, 3)
    np.testing.assert_array_equal(sample["labels"], labels)
    [(images, _)] = batches(reader, 1)
    np.testing.assert_array_equal(images[0], sample["image"])


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_label_map_of_the_photo_before_it_is_turned_is_a_problem(tmp_path, suffix):
    save(tmp_path, "a.png", *pixels(0))
    save_photo(tmp_path, f"b.{suffix}", *pixels(1), 6)
    reader, _ = read(tmp_path, "train", NAMES)
    [problem] = reader.problems
    assert "8x6 pixels, but its image 6x8" in problem.reason
    assert "carries an EXIF orientation" in problem.reason


def test_ignored_values_become_void(folder):
    reader, _ = read(folder, "train", NAMES[:2], ignore=2)
    for number, sample in enumerate(reader.samples().as_numpy_iterator()):
        labels = pixels(number)[1]
        np.testing.assert_array_equal(
            sample["labels"], np.where(labels == 2, 255, labels)
        )


# What is done to b, and what its problem must say.
def empty(folder):
    (folder / "train" / "b.png").write_bytes(b"")


def garbage(folder):
    (folder / "train" / "b.png").write_bytes(b"no image at all")


def cut_off(folder):
    file = folder / "train" / "b.png"
    file.write_bytes(file.read_bytes()[:-60])


def cut_off_jpeg(folder):
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), "uint8")
    data = io.BytesIO()
    Image.fromarray(image).save(data, "jpeg")
    (folder / "train" / "b.png").write_bytes(
        data.getvalue()[: len(data.getvalue()) // 2]
    )


def empty_labels(folder):
    (folder / "trainannot" / "b.png").write_bytes(b"")


def cut_off_labels(folder):
    file = folder / "trainannot" / "b.png"
    file.write_bytes(file.read_bytes()[:-30])


def no_labels(folder):
    (folder / "trainannot" / "b.png").unlink()


def colour_labels(folder):
    Image.fromarray(pixels(1)[0]).save(folder / "trainannot" / "b.png")


def other_size(folder):
    Image.new("L", (8, 5)).save(folder / "trainannot" / "b.png")


def high_label(folder):
    labels = pixels(1)[1].astype("uint8")
    labels[0, :4] = 7
    Image.fromarray(labels).save(folder / "trainannot" / "b.png")


DAMAGES = [
    (empty, "the image is empty"),
    (garbage, "the image cannot be decoded"),
    (cut_off, "the image cannot be decoded"),
    (cut_off_jpeg, "the image cannot be decoded"),
    (empty_labels, "the label map is empty"),
    (cut_off_labels, "the label map cannot be decoded"),
    (no_labels, "has no label map"),
    (colour_labels, "is a colour image"),
    (other_size, "the label map is 8x5 pixels, but its image 8x6"),
    (high_label, "4 pixels with values outside 0..2 and 255 .void.: 7"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_bad_file_is_named_counted_and_left_out(folder, damage, reason):
    damage(folder)
    reader, warning = read(folder, "train", NAMES)
    assert len(reader) == 2
    [problem] = reader.problems
    assert problem.file == str(folder / "train" / "b.png")
    assert reason.replace(".void.", "(void)") in problem.reason
    assert warning.startswith("1 of 3 files of")
    assert problem.file in warning
    names = [
        sample["file"].decode()[-5:] for sample in reader.samples().as_numpy_iterator()
    ]
    assert names == ["a.png", "c.png"]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_strict_makes_a_bad_file_an_error(folder, damage, reason):
    damage(folder)
    with pytest.raises(ValueError, match=rf"1 of 3 files(.|\n)*b\.png(.|\n)*{reason}"):
        SegmentationFolder(folder, "train", NAMES, strict=True)


def test_label_map_without_image_and_unread_format_are_named(folder):
    (folder / "train" / "b.png").rename(folder / "train" / "other.png")
    Image.new("RGB", (8, 6)).save(folder / "train" / "d.ppm")
    reader, warning = read(folder, "train", NAMES)
    found = {pathlib.Path(file).name: reason for file, reason in reader.problems}
    assert set(found) == {"b.png", "other.png", "d.ppm"}
    assert "is the label map of no image" in found["b.png"]
    assert "convert it to one of .jpg" in found["d.ppm"]
    assert warning.startswith("3 of 5 files")


def test_long_lists_of_problems_are_cut_in_the_warning_and_whole_in_problems(tmp_path):
    for number in range(30):
        save(tmp_path, f"{number:02}.png", *pixels(number))
        if number:
            (tmp_path / "trainannot" / f"{number:02}.png").unlink()
    reader, warning = read(tmp_path, "train", NAMES)
    assert len(reader.problems) == 29
    assert "and 12 more, in `problems`" in warning
    assert len(warning.splitlines()) == 20


def test_strict_error_carries_its_problems_and_a_text_without_python(folder):
    no_labels(folder)
    with pytest.raises(DataError) as caught:
        SegmentationFolder(folder, "train", NAMES, strict=True)
    assert [problem.reason[:16] for problem in caught.value.problems] == [
        "has no label map"
    ]
    assert "strict=" not in caught.value.text


def test_missing_pillow_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'tfrecvis\[data\]'"):
        SegmentationFolder(folder, "train", NAMES)


def test_nothing_usable_is_an_error_that_lists_the_files(folder):
    for file in (folder / "trainannot").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"3 of 3 files(.|\n)*Nothing is left"):
        SegmentationFolder(folder, "train", NAMES)


def test_empty_folder_is_an_error(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "trainannot").mkdir()
    with pytest.raises(ValueError, match="There is no image in"):
        SegmentationFolder(tmp_path, "train")


def test_unknown_split_lists_the_splits_that_are_there(folder):
    with pytest.raises(ValueError, match="Splits found: train"):
        SegmentationFolder(folder, "test")


def test_one_image_set_works(tmp_path):
    save(tmp_path, "a.png", *pixels(0))
    reader, _ = read(tmp_path, "train", NAMES)
    assert [len(images) for images, _ in batches(reader, 4)] == [1]


def test_class_names_and_colours_come_from_classes_txt(folder):
    (folder / "classes.txt").write_text("road 1 2 3\nblue sky 4 5 6\ntree 7 8 9\n\n")
    reader, _ = read(folder, "train")
    assert reader.class_names == ["road", "blue sky", "tree"]
    assert reader.colours.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_class_names_given_by_hand_go_before_classes_txt(folder):
    (folder / "classes.txt").write_text("x\ny\nz\n")
    assert read(folder, "train", NAMES)[0].class_names == NAMES
    assert read(folder, "train")[0].class_names == ["x", "y", "z"]


def test_classes_without_names_are_numbered_up_to_the_highest_label(folder):
    reader, _ = read(folder, "train")
    assert reader.class_names == ["class_0", "class_1", "class_2"]


def test_all_void_set_without_names_asks_for_them(tmp_path):
    save(tmp_path, "a.png", pixels(0)[0], np.full((6, 8), 255))
    with pytest.raises(ValueError, match="Pass `class_names`"):
        SegmentationFolder(tmp_path, "train")


def test_colours_that_do_not_fit_the_classes_are_refused(folder):
    with pytest.raises(ValueError, match="each of the 3 classes"):
        SegmentationFolder(folder, "train", NAMES, colours=[[0, 0, 0]])


@needs_camvid
@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101)])
def test_camvid_reads_without_a_problem(split, count):
    names = [f"class_{number}" for number in range(11)]
    reader = SegmentationFolder(CAMVID, split, names, ignore=11, strict=True)
    assert len(reader) == count
    assert set(reader.sizes) == {(180, 240)}


@needs_camvid
def test_camvid_without_ignore_names_the_label_that_is_no_class():
    names = [f"class_{number}" for number in range(11)]
    with pytest.raises(ValueError, match=r"outside 0..10 and 255 \(void\): 11"):
        SegmentationFolder(CAMVID, "val", names, strict=True)
