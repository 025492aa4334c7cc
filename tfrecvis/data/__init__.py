"""Readers of segmentation data, and what makes batches of them.

Every reader yields *sample dicts*, unbatched; every model takes what is in them.

| key | shape | dtype | what |
| --- | --- | --- | --- |
| `image` | `(height, width, 3)` | uint8 | RGB, 0-255; models rescale inside |
| `labels` | `(height, width)` | int32 | class numbers from 0; 255 = void, a pixel \
that counts for nothing |
| `file` | `()` | string | where the sample comes from: a path, or the data set's id |

`Superpixels` adds to a sample, for models on graphs:

| key | shape | dtype | what |
| --- | --- | --- | --- |
| `superpixels` | `(height, width)` | int32 | number of each pixel's superpixel |
| `neighbours` | `(nodes, neighbours)` | int32 | those that touch; -1 is padding |
| `nodes` | `(nodes,)` | bool | True for a superpixel, False for padding |

A reader is any object with

- `class_names`: list of strings, one a class; `num_classes`: their number;
- `problems`: list of `Problem(file, reason)`, what it had to leave out;
- `len(reader)`: how many samples it has;
- `samples()`: a `tf.data.Dataset` of sample dicts, always in the same order;

and, where it can,

- `load(number)`: one sample dict by its number, callable inside `Dataset.map`. With
  it `batches` shuffles all samples; where it is None or absent, `shuffle_buffer` of
  them at a time;
- `sizes`: list of (height, width), so that images which do not fit in one batch are
  found before the training starts;
- `colours`: `(classes, 3)` uint8 RGB, for pictures.

Tasks made of numbers alone (`memorisation`, `addition`) are endless generators of
`(inputs, targets)` batches instead; labelled images in one file (`read_array_file`)
and graphs (`SyntheticSuperpixels`) are arrays.

A sample that cannot be used is never dropped in silence: it is in `problems` and in
a warning, and with `strict=True` it is a ValueError.
"""

from tfrecvis.data.algorithmic import ADDITION_TOKENS, addition, memorisation
from tfrecvis.data.array_file import read_array_file
from tfrecvis.data.augmentation import Augmentation
from tfrecvis.data.batches import batches, steps_per_epoch
from tfrecvis.data.class_frequencies import class_frequencies
from tfrecvis.data.decoding import IMAGE_SUFFIXES, decode_image, read_image
from tfrecvis.data.problems import VOID, DataError, Problem
from tfrecvis.data.reader import Reader, class_colours, subset
from tfrecvis.data.sample_keys import SAMPLE_KEYS, SampleKey, check_sample
from tfrecvis.data.segmentation_folder import SegmentationFolder
from tfrecvis.data.segmentation_tfds import SegmentationTFDS
from tfrecvis.data.superpixels import (
    Superpixels,
    superpixel_neighbours,
    superpixels,
)
from tfrecvis.data.synthetic_scenes import SyntheticScenes
from tfrecvis.data.synthetic_superpixels import SyntheticSuperpixels

__all__ = [
    "ADDITION_TOKENS",
    "IMAGE_SUFFIXES",
    "SAMPLE_KEYS",
    "VOID",
    "Augmentation",
    "DataError",
    "Problem",
    "Reader",
    "SampleKey",
    "SegmentationFolder",
    "SegmentationTFDS",
    "Superpixels",
    "SyntheticScenes",
    "SyntheticSuperpixels",
    "addition",
    "batches",
    "check_sample",
    "class_colours",
    "class_frequencies",
    "decode_image",
    "memorisation",
    "read_array_file",
    "read_image",
    "steps_per_epoch",
    "subset",
    "superpixel_neighbours",
    "superpixels",
]
