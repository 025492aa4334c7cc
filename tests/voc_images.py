"""A small folder in Pascal VOC's layout, and a recipe of a detector for it."""

import numpy as np
from PIL import Image

RECIPE = """\
task = "detection"
[model]
units = 4
num_priors = 2
head_filters = 8
passthrough = 4
backbone_filters = [6, 8, 8, 8]
backbone_blocks = [0, 0, 0, 0]
[data]
reader = "voc"
class_names = ["disc", "bar"]
image_size = [48, 64]
[augmentation]
crop_size = [48, 64]
flip = true
[training]
epochs = 1
batch_size = 2
jit_compile = false
"""
BOX = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


def write_voc_images(root):
    """Four images of 96x128 pixels; the last has no object."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    boxes = [
        [("disc", 11, 21, 40, 50)],
        [("bar", 61, 31, 120, 44), ("disc", 1, 1, 30, 30)],
        [("bar", 5, 5, 100, 20)],
        [],
    ]
    for number, found in enumerate(boxes):
        pixels = np.full((96, 128, 3), 30, "uint8")
        for _, x0, y0, x1, y1 in found:
            pixels[y0 - 1 : y1, x0 - 1 : x1] = 220
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{number}.png")
        objects = "".join(BOX.format(*box) for box in found)
        text = f"<annotation>{objects}</annotation>"
        (root / "Annotations" / f"{number}.xml").write_text(text)
    for split in ("train", "val"):
        file = root / "ImageSets" / "Main" / f"{split}.txt"
        file.write_text("0\n1\n2\n3\n")
