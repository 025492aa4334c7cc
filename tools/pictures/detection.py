"""Pictures of boxes: with class and score, and beside the true ones.

Boxes are dicts as `tfrecvis.tools.detection_scores.entries` gives them: `category_id`,
`bbox` (left, top, width, height in pixels), of a detection `score`, and perhaps
`segmentation`, a mask.
"""

import numpy as np

from tfrecvis.data import class_colours
from tfrecvis.tools.detection_scores import decode
from tfrecvis.tools.pictures.figures import library, load_font, save_picture

SHORTEST = 480  # pixels of a picture's shorter side at least, so that names can be read
LONGEST = 4096  # pixels of an enlarged picture's longer side at most
MOST_NAMES = 40  # more of them would hide the image
HUES = 12  # colours of instances, again and again


def draw_boxes(image, boxes, class_names, colours):
    """Returns the image as a PIL picture with its boxes, enlarged where it is small.

    Instances with masks are tinted, each in a colour of its own, in place of boxes.
    Names are left out where there are more than 40.

    Args:
        image: uint8 `(height, width, 3)`, RGB.
        boxes: List of dicts; see this module.
        class_names: List of strings.
        colours: List of [red, green, blue], 0-255.

    Example:

    >>> box = {"category_id": 0, "bbox": [2, 2, 5, 4], "score": 0.9}
    >>> draw_boxes(np.zeros((20, 30, 3), "uint8"), [box], ["car"], [[255, 0, 0]]).size
    (720, 480)
    """
    picture = library("PIL.Image").fromarray(np.asarray(image))
    scale = min(-(-SHORTEST // min(picture.size)), LONGEST // max(picture.size))
    scale = max(1, scale)
    picture = picture.resize((picture.width * scale, picture.height * scale))
    masked = [box for box in boxes if "segmentation" in box]
    boxes = [box for box in boxes if "segmentation" not in box]
    picture = _tinted(picture, masked, scale)
    draw = library("PIL.ImageDraw").Draw(picture)
    size = max(11, round(min(picture.size) / 40))
    font, line = load_font(size), max(2, size // 6)
    for box in boxes:
        left, top, width, height = (side * scale for side in box["bbox"])
        colour = tuple(colours[box["category_id"]])
        draw.rectangle(
            (left, top, max(left, left + width - 1), max(top, top + height - 1)),
            outline=colour,
            width=line,
        )
    for box in boxes if len(boxes) <= MOST_NAMES else ():
        left, top = (side * scale for side in box["bbox"][:2])
        colour = tuple(colours[box["category_id"]])
        text = class_names[box["category_id"]]
        if "score" in box:
            text = f"{text} {box['score']:.2f}"
        place = draw.textbbox((left + line, max(0, top)), text, font=font)
        draw.rectangle(place, fill=colour)
        dark = np.dot(colour, (0.299, 0.587, 0.114)) > 140
        draw.text(place[:2], text, fill="black" if dark else "white", font=font)
    return picture


def _tinted(picture, instances, scale):
    """The picture with the mask of each instance: its inside tinted, its edge drawn."""
    pixels = np.asarray(picture).astype("float32")
    colours = class_colours(HUES).astype("float32")
    for number, instance in enumerate(instances):
        mask = decode(instance["segmentation"]).astype(bool)
        mask = mask.repeat(scale, 0).repeat(scale, 1)
        inside = mask.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                inside &= np.roll(mask, step, axis)
        colour = colours[number % HUES]
        pixels[inside] = 0.6 * pixels[inside] + 0.4 * colour
        pixels[mask & ~inside] = colour
    return library("PIL.Image").fromarray(pixels.round().astype("uint8"))


def write_boxes(image, boxes, class_names, colours, path):
    """Writes an image with its boxes as PNG."""
    save_picture(draw_boxes(image, boxes, class_names, colours), path)


def write_detections(rows, class_names, colours, path):
    """Writes a grid: a row per image, a column for the truth and for each model.

    Args:
        rows: List of (image, dict of a column's title to a list of boxes).
        class_names: List of strings.
        colours: List of [red, green, blue], 0-255.
        path: The PNG to write.
    """
    image_module = library("PIL.Image")
    font, gap = load_font(18), 8
    panels = [
        [draw_boxes(image, boxes, class_names, colours) for boxes in columns.values()]
        for image, columns in rows
    ]
    width = max(panel.width for row in panels for panel in row)
    heights = [max(panel.height for panel in row) for row in panels]
    titles = list(rows[0][1])
    size = (
        (width + gap) * len(titles) - gap,
        28 + sum(heights) + gap * (len(rows) - 1),
    )
    sheet = image_module.new("RGB", size, "white")
    draw = library("PIL.ImageDraw").Draw(sheet)
    for column, title in enumerate(titles):
        middle = column * (width + gap) + width / 2
        draw.text((middle, 14), title, fill="black", font=font, anchor="mm")
    top = 28
    for row, height in zip(panels, heights, strict=True):
        for column, panel in enumerate(row):
            sheet.paste(panel, (column * (width + gap), top))
        top += height + gap
    save_picture(sheet, path)
