"""Readers of samples, and what makes batches of them.

Every reader yields *sample dicts*, unbatched; every model takes what is in them. A
sample holds any of these keys and no others (`SAMPLE_KEYS`, `check_sample`). Axes of
one name have one size within a sample. "Padding" fills up shorter samples of a batch
and enters from outside a cropped image; "moves" says what happens when the image moves:
it is resampled between pixels (image) or by the nearest one (labels), its coordinates
are moved and clipped (boxes), it becomes the new size (size).

| key | shape | dtype | padding | moves | what |
| --- | --- | --- | --- | --- | --- |
| `image` | `(height, width, 3)` | uint8 | `0` | image | \
RGB, 0-255; models rescale inside |
| `clip` | `(frames, height, width, 3)` | uint8 | `0` | image | \
RGB, 0-255, images one after the other |
| `labels` | `(height, width)` | int32 | `255` | labels | \
class numbers from 0; 255 = void |
| `superpixels` | `(height, width)` | int32 | `-1` | labels | \
number of each pixel's superpixel |
| `depth` | `(height, width)` | float32 | `0.0` | labels | metres; 0 = no measurement |
| `masks` | `(boxes, height, width)` | uint8 | `0` | labels | \
1 where an instance is, else 0 |
| `boxes` | `(boxes, 4)` | float32 | `0.0` | boxes | \
xyxy, absolute pixels, pixel i spans [i, i+1) |
| `regions` | `(regions, 4)` | float32 | `0.0` | boxes | xyxy, absolute pixels: where \
an object may be |
| `classes` | `(boxes,)` | int32 | `-1` | no | class number of each box |
| `difficult` | `(boxes,)` | bool | `False` | no | True where a box does not count \
in scores |
| `class` | `()` | int32 | `-1` | no | class number of the image or clip |
| `tokens` | `(steps,)` | int32 | `0` | no | words or symbols; 0 = padding |
| `answer` | `(answer_steps,)` | int32 | `0` | no | tokens of the answer |
| `captions` | `(captions,)` | string | `''` | no | sentences about the image |
| `question` | `()` | string | `''` | no | a question about the image |
| `features` | `(nodes, features)` | float32 | `0.0` | no | what is known of each node |
| `neighbours` | `(nodes, neighbours)` | int32 | `-1` | no | \
numbers of the nodes that touch one |
| `confidence` | `(nodes,)` | float32 | `0.0` | no | the highest is visited first |
| `nodes` | `(nodes,)` | bool | `False` | no | True where a node is real |
| `node_labels` | `(nodes,)` | int32 | `255` | no | \
class number of each node; 255 = void |
| `file` | `()` | string | `''` | no | a path, or the data set's own name |
| `image_size` | `(2,)` | int32 | `0` | size | \
height and width before a batch pads the image |

`batches` makes batches of any keys of any reader: it pads, shuffles and resumes.
`Augmentation` moves all spatial keys of a sample together. `Superpixels` adds the keys
`superpixels`, `neighbours` and `nodes` to a sample, for models on graphs, and
`SelectiveSearch` adds `regions`, for detectors that take them. `Vocabulary` makes
tokens of `captions`, and sentences of tokens.

A reader is any object with

- `class_names`: list of strings, one per class; `num_classes`: their number;
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

`Reader` is a base for such classes, and `subset(reader, count)` a reader of some
samples of another one.

Photos are turned as their EXIF orientation says, wherever images are decoded
(`decode_image`, `read_image`).

Tasks that consist of numbers (`memorisation`, `addition`) are endless generators of
`(inputs, targets)` batches instead; labelled images in one file (`read_array_file`)
are arrays, and so are the graphs of `SyntheticSuperpixels`, which is a reader as well.

A sample that cannot be used is never dropped in silence: it is in `problems` and in
a warning, and with `strict=True` it is a `DataError`, which is a ValueError.
"""

from tfrecvis.data.algorithmic import ADDITION_TOKENS, addition, memorisation
from tfrecvis.data.array_file import read_array_file
from tfrecvis.data.augmentation import Augmentation
from tfrecvis.data.batches import batches, steps_per_epoch
from tfrecvis.data.caption_folder import CaptionFolder
from tfrecvis.data.caption_tfds import CaptionTFDS
from tfrecvis.data.class_frequencies import class_frequencies
from tfrecvis.data.coco_captions import COCOCaptions
from tfrecvis.data.coco_folder import COCOFolder
from tfrecvis.data.decoding import IMAGE_SUFFIXES, decode_image, read_image
from tfrecvis.data.detection_tfds import DetectionTFDS
from tfrecvis.data.dimension_priors import dimension_priors
from tfrecvis.data.flickr_captions import FlickrCaptions
from tfrecvis.data.instance_mask_folder import InstanceMaskFolder
from tfrecvis.data.problems import VOID, DataError, Problem
from tfrecvis.data.reader import Reader, class_colours, subset
from tfrecvis.data.sample_keys import SAMPLE_KEYS, SampleKey, check_sample
from tfrecvis.data.segmentation_folder import SegmentationFolder
from tfrecvis.data.segmentation_tfds import SegmentationTFDS
from tfrecvis.data.selective_search import SelectiveSearch, selective_search
from tfrecvis.data.superpixels import (
    Superpixels,
    superpixel_neighbours,
    superpixels,
)
from tfrecvis.data.synthetic_captions import SyntheticCaptions
from tfrecvis.data.synthetic_clips import SyntheticClips
from tfrecvis.data.synthetic_objects import SyntheticObjects
from tfrecvis.data.synthetic_scenes import SyntheticScenes
from tfrecvis.data.synthetic_superpixels import SyntheticSuperpixels
from tfrecvis.data.voc_folder import VOCFolder
from tfrecvis.data.vocabulary import Vocabulary

__all__ = [
    "ADDITION_TOKENS",
    "IMAGE_SUFFIXES",
    "SAMPLE_KEYS",
    "VOID",
    "Augmentation",
    "COCOCaptions",
    "COCOFolder",
    "CaptionFolder",
    "CaptionTFDS",
    "DataError",
    "DetectionTFDS",
    "FlickrCaptions",
    "InstanceMaskFolder",
    "Problem",
    "Reader",
    "SampleKey",
    "SegmentationFolder",
    "SegmentationTFDS",
    "SelectiveSearch",
    "Superpixels",
    "SyntheticCaptions",
    "SyntheticClips",
    "SyntheticObjects",
    "SyntheticScenes",
    "SyntheticSuperpixels",
    "VOCFolder",
    "Vocabulary",
    "addition",
    "batches",
    "check_sample",
    "class_colours",
    "class_frequencies",
    "decode_image",
    "dimension_priors",
    "memorisation",
    "read_array_file",
    "read_image",
    "selective_search",
    "steps_per_epoch",
    "subset",
    "superpixel_neighbours",
    "superpixels",
]
