"""Functions of `tfrecvis.ops` that exports contain, as layers without arguments."""

import keras
import numpy as np
from conformance.case import Case
from conformance.cases.regions import draw_boxes
from keras import ops as keras_ops

from tfrecvis import ops


class Decode(keras.layers.Layer):
    """From a map and its regressions to boxes in the image, and their scores."""

    def call(self, maps, deltas):
        height, width = keras_ops.shape(maps)[1:3]
        anchors = ops.pyramid_anchors([(height, width)], [8], [[16, 32]], [1, 2])
        boxes = ops.decode_boxes(deltas, anchors, (10, 10, 5, 5))
        boxes = ops.clip_boxes(boxes, height * 8, width * 8)
        return [boxes, ops.assign_levels(boxes, (1 / 8, 1 / 16), 16, 3)]


class Overlap(keras.layers.Layer):
    def call(self, boxes, others):
        return [
            ops.pairwise_iou(boxes, others, kind) for kind in ("iou", "giou", "diou")
        ]


class Paste(keras.layers.Layer):
    def call(self, masks, boxes):
        return ops.paste_masks(masks, boxes, 9, 11)


class Convert(keras.layers.Layer):
    def call(self, boxes):
        size = {"height": 30, "width": 40}
        relative = ops.convert_boxes(boxes, "xyxy", "rel_center_xywh", **size)
        return ops.convert_boxes(relative, "rel_center_xywh", "yxyx", **size)


class Search(keras.layers.Layer):
    """Sentences by beams, and drawn ones, of a recurrence of fixed weights."""

    def call(self, states, noise):
        rng = np.random.default_rng(0)
        words, kernel = rng.normal(size=(2, 7, 7)).astype("float32")

        def step(tokens, state):
            state = keras_ops.matmul(state, kernel)
            state = keras_ops.tanh(state + keras_ops.take(words, tokens, axis=0))
            return 2 * state, state

        beams = ops.beam_search(step, states, 1, 2, 5, 3, 0.7, num_results=2)
        drawn = ops.sample_sentences(step, states, 1, 2, noise, top_k=4)
        greedy = ops.greedy_search(step, states, 1, 2, max_steps=5)
        return [keras_ops.stop_gradient(x) for x in (*beams, *drawn, *greedy)]


def states_and_noise(rng, batch, other):
    # Every trace takes any batch; the most words are fixed.
    noise = rng.uniform(size=(batch, 5)).astype("float32")
    return {"states": rng.normal(size=(batch, 7)).astype("float32"), "noise": noise}


def maps_and_deltas(rng, batch, other):
    maps = rng.normal(size=(batch, 3, 4 + other, 2)).astype("float32")
    deltas = rng.normal(size=(batch, 3 * (4 + other) * 4, 4)).astype("float32")
    return {"maps": maps, "deltas": deltas}


def two_sets(rng, batch, other):
    sets = (draw_boxes(rng, batch, count + other, 20) for count in (3, 5))
    return dict(zip(("boxes", "others"), sets, strict=True))


def masks_and_boxes(rng, batch, other):
    masks = rng.uniform(size=(batch, 3 + other, 4, 5)).astype("float32")
    return {"masks": masks, "boxes": draw_boxes(rng, batch, 3 + other, 8)}


def boxes_only(rng, batch, other):
    return {"boxes": np.abs(draw_boxes(rng, batch, 3 + other, 20, (5, 20)))}


FUNCTIONS = {
    "pyramid_anchors, decode_boxes, clip_boxes, assign_levels": Case(
        Decode, {}, maps_and_deltas
    ),
    "pairwise_iou": Case(Overlap, {}, two_sets),
    "paste_masks": Case(Paste, {}, masks_and_boxes),
    "beam_search, sample_sentences, greedy_search": Case(Search, {}, states_and_noise),
    "convert_boxes": Case(Convert, {}, boxes_only),
}
