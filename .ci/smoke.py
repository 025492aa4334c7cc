"""Tries an installed tfrecvis from a folder outside its repository."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

import tfrecvis
from tfrecvis.models import ReSeg, presets


def say(text):
    print(f"smoke: {text}", flush=True)


def command(*arguments):
    return subprocess.run(
        ["tfrecvis", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def check(condition, text):
    if not condition:
        sys.exit(f"smoke: failed: {text}")
    say(text)


where = Path(tfrecvis.__file__)
check(where.is_relative_to(sys.prefix), f"tfrecvis {tfrecvis.__version__} is installed")
for name in tfrecvis.__all__:
    getattr(tfrecvis, name)
say("its rooms can be imported")

recipes = [path.name for path in files("tfrecvis.tools").joinpath("recipes").iterdir()]
check(any(name.endswith(".toml") for name in recipes), f"it has recipes: {recipes}")
names = presets.preset_names()
check(bool(names), f"it has presets: {names}")

image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), "uint8")
logits = ReSeg(num_classes=3)(image[None])
check(tuple(logits.shape) == (1, 50, 70, 3), "a new ReSeg labels an image")

listing = command("list")
check("ReSeg" in listing, "the command lists models")

Image.fromarray(image).save("scene.png")
for name in names:
    check(name in listing, f"the command lists {name}")
    command("predict", name, "scene.png", "--output", name)
    pictures = sorted(path.name for path in Path(name).rglob("*.png"))
    check(bool(pictures), f"the preset {name} wrote {pictures}")
