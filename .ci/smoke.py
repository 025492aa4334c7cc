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
weights = [path.name for path in files("tfrecvis.models").joinpath("weights").iterdir()]
check(bool(weights), f"it has weights: {weights}")

image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), "uint8")
logits = ReSeg(num_classes=3)(image[None])
check(tuple(logits.shape) == (1, 50, 70, 3), "a new ReSeg labels an image")

listing = command("list")
preset = sorted(presets.PRESETS)[0]
check(preset in listing and "ReSeg" in listing, "the command lists models and presets")

Image.fromarray(image).save("scene.png")
command("predict", preset, "scene.png", "--output", "pictures")
pictures = sorted(path.name for path in Path("pictures").rglob("*.png"))
check(bool(pictures), f"the preset {preset} wrote {pictures}")
