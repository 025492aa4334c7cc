"""Pictures of captions: sentences beside their image, and where each word looked."""

import math
import textwrap

import numpy as np

from tfrecvis.tools.pictures.figures import (
    library,
    load_font,
    new_figure,
    save_figure,
    save_picture,
)

SIDE = 240  # pixels of the longer side of an image
TEXT = 560  # pixels that a column of sentences is wide,
LETTERS = 60  # in which so many letters find room
COLUMNS = 6  # maps of attention side by side


def write_captions(rows, path):
    """Writes a grid: a row per image, with its sentences on its right.

    Args:
        rows: List of (image, dict of a column's title to a list of sentences); images
            are uint8 `(height, width, 3)`, RGB.
        path: The PNG to write.
    """
    images = library("PIL.Image")
    titles = list(rows[0][1])
    font, gap, top = load_font(16), 12, 30
    width = SIDE + len(titles) * (TEXT + gap)
    sheet = images.new("RGB", (width, top + len(rows) * (SIDE + gap)), "white")
    draw = library("PIL.ImageDraw").Draw(sheet)
    for column, title in enumerate(titles):
        left = SIDE + gap + column * (TEXT + gap)
        draw.text((left, top / 2), title, fill="black", font=font, anchor="lm")
    for image, columns in rows:
        picture = images.fromarray(np.asarray(image))
        scale = SIDE / max(picture.size)
        size = [max(1, round(side * scale)) for side in picture.size]
        # Pixels of small images stay squares, photos are smoothed.
        how = images.NEAREST if scale > 2 else images.BICUBIC
        sheet.paste(picture.resize(size, how), (0, top))
        for column, sentences in enumerate(columns.values()):
            lines = [part for text in sentences for part in _lines(text)]
            left = SIDE + gap + column * (TEXT + gap)
            text = "\n".join(lines[: SIDE // 22])
            draw.multiline_text((left, top), text, fill="black", font=font, spacing=6)
        top += SIDE + gap
    save_picture(sheet, path)


def _lines(text):
    """A sentence in lines that fit a column, each but the first one indented."""
    return textwrap.wrap(text, LETTERS, subsequent_indent="    ") or ["(no word)"]


def write_attention(image, words, maps, path):
    """Writes an image once for each word, bright where the word looked.

    Args:
        image: uint8 `(height, width, 3)`, RGB.
        words: List of strings.
        maps: Floats `(words or more, rows, columns)`, shares of attention.
        path: The PNG to write.
    """
    columns = min(COLUMNS, len(words) + 1)
    rows = math.ceil((len(words) + 1) / columns)
    height, width = image.shape[:2]
    figure = new_figure(2 * columns, (2 * height / width + 0.35) * rows)
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.axis("off")
    axes[0].imshow(image)
    for axis, word, weights in zip(axes[1:], words, maps, strict=False):
        axis.imshow(image)
        axis.imshow(
            1 - weights / max(float(np.max(weights)), 1e-9),
            cmap="gray_r",
            alpha=0.75,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear",
            vmin=0,
            vmax=1,
        )
        axis.set_title(word, fontsize=10)
    save_figure(figure, path)
