"""Pictures of captions: what is in them, and that all of it fits."""

import numpy as np
from PIL import Image

from tfrecvis.tools.pictures.captions import SIDE, TEXT, write_attention, write_captions

PHOTO = np.full((30, 60, 3), 200, "uint8")


def test_sentences_stand_beside_their_image(tmp_path):
    columns = {"references": ["a dog"] * 3, "model": ["word " * 40]}
    write_captions(
        [(PHOTO, columns), (PHOTO, {**columns, "model": [""]})], tmp_path / "a"
    )
    pixels = np.asarray(Image.open(tmp_path / "a"))
    assert pixels.shape[1] > SIDE + 2 * TEXT
    assert (pixels[35:140, :SIDE] == 200).all()  # the image, in its own shape
    assert (pixels[160:260, :SIDE] == 255).all()
    half = SIDE + 12 + TEXT
    dark = (pixels < 100).any(-1)
    assert dark[35:200, SIDE:half].any() and dark[35:200, half:].any()
    assert not dark[:, -4:].any()  # long sentences are broken


def test_each_word_lights_up_where_it_looked(tmp_path):
    maps = np.zeros((2, 2, 4))
    maps[0, 0, 0] = 1
    maps[1, 1, 3] = 1
    write_attention(PHOTO, ["left", "right"], maps, tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("L")).astype(float)
    third = pixels.shape[1] // 3
    first, second = pixels[:, third : 2 * third], pixels[:, 2 * third :]
    rows, columns = (slice(None), slice(8, -8))
    for part, side in ((first, 0), (second, 1)):
        halves = np.array_split(np.where(part < 250, part, np.nan)[rows, columns], 2, 1)
        means = [np.nanmean(half) for half in halves]
        assert np.argmax(means) == side


def test_more_words_than_columns_take_another_row(tmp_path):
    for count in (0, 1, 5, 9):
        words, maps = ["a"] * count, np.ones((count + 2, 2, 2))
        write_attention(PHOTO, words, maps, tmp_path / f"{count}.png")
    sizes = [Image.open(tmp_path / f"{count}.png").height for count in (5, 9)]
    assert sizes[1] > 1.6 * sizes[0]
