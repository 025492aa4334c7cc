"""HardAttention: one sampled annotation, and what REINFORCE needs to train it."""

import keras
from keras import ops

from tfrecvis.layers.location_attention import LocationAttention
from tfrecvis.ops.checks import check_choice
from tfrecvis.ops.shape_checks import check_shapes

INFERENCE = ("argmax", "sample")

# Below one by the spacing of float32 there: a draw of 1 would be past every location.
LARGEST_DRAW = 1 - 2**-23


@keras.saving.register_keras_serializable("tfrecvis")
class HardAttention(LocationAttention):
    """Picks one location of an image, by how well it fits a hidden state.

    With annotations a[i] and the decoder's previous hidden state h:

        e[i] = tanh(a[i] . annotation_kernel + h . hidden_kernel + bias) . score_kernel
        alpha = softmax(e)
        s ~ Categorical(alpha)
        z = a[s]
        log p(s) = log alpha[s]
        H = -sum_i alpha[i] * log alpha[i]

    In training, with probability 1/2 for each image and call, the expectation takes
    the place of the sample (section 4.1 of the paper): `z = sum_i alpha[i] * a[i]`,
    through which gradients flow, and log p is zero, since nothing was sampled. No
    gradient passes the choice of a sample; `tfrecvis.losses.reinforce_loss` makes the
    loss that trains alpha from log p(s), H and the likelihood of the caption.

    One step of a decoder; call it in the decoder's loop. `project(annotations)` gives
    the part of e that is the same at every step: pass it as `keys`. Under JAX, a seed
    cannot advance inside of a loop: draw the `noise` of all steps before it. An export
    without random operators (LiteRT) that samples needs `noise` too.

    Softmax is computed in float32. Padded locations are never picked. Where a mask
    removes every location of an image, all outputs are zeros in a compiled graph, and
    an error outside.

    Reference: Xu et al., 2015, sections 3.1.2 and 4.1
    (https://arxiv.org/abs/1502.03044); the paper leaves f_att open, this is the
    authors' code.

    Args:
        units: Integer, hidden units of the attention network.
        inference: `"argmax"` picks the location of the largest alpha when not
            training, `"sample"` samples there too.
        seed: Integer or None, for the samples.

    Call arguments:
        annotations: Float tensor `(batch, locations, features)`, or a map `(batch,
            height, width, features)`.
        hidden: Float tensor `(batch, hidden features)`.
        mask: Boolean tensor `(batch, locations)` or `(batch, height, width)`, True for
            a real location, or None.
        keys: What `project(annotations)` returned, or None to compute it.
        noise: Float tensor `(batch, 2)`, uniform in [0, 1), or None to draw it. The
            first number picks the location, by the cumulative sum of alpha; the second,
            below 1/2, the expectation. Repeat the second over the steps of a caption
            to decide once for each caption.
        annotations_mask: The mask that `annotations` carry from the layer before them.
            Keras passes it; where both are given, `mask` is used.
        training: Whether to sample, and to use expectations.

    Input shape: `(batch, locations, features)` or `(batch, height, width, features)`;
        locations, height and width may be None.
    Output shape: z `(batch, features)`, alpha `(batch, locations)` or `(batch, height,
        width)`, log p(s) `(batch,)` and H `(batch,)`, both in nats.

    Raises:
        ValueError: `units` is not positive, `inference` is unknown, `hidden` is
            missing, the shapes do not fit, or the mask removes every location of an
            image.

    Example:

    >>> attention = HardAttention(16, seed=1)
    >>> z, alpha, log_probability, entropy = attention(
    ...     ops.ones((2, 14, 14, 8)), hidden=ops.ones((2, 5)), training=True)
    >>> tuple(z.shape), tuple(alpha.shape), tuple(log_probability.shape)
    ((2, 8), (2, 14, 14), (2,))
    """

    def __init__(self, units, inference="argmax", seed=None, **kwargs):
        super().__init__(units, **kwargs)
        check_choice("inference", inference, INFERENCE)
        self.inference = inference
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(
        self,
        annotations,
        hidden=None,
        mask=None,
        keys=None,
        noise=None,
        annotations_mask=None,
        training=False,
    ):
        check_shapes(
            "Give two numbers per image.",
            annotations=("batch *places features", annotations),
            noise=("batch 2", noise),
        )
        mask = annotations_mask if mask is None else mask
        a, mask, alpha, log_alpha = self._attend(annotations, hidden, mask, keys)
        if training or self.inference == "sample":
            if noise is None:
                noise = keras.random.uniform(
                    (ops.shape(a)[0], 2), dtype="float32", seed=self.seed_generator
                )
            noise = ops.cast(noise, "float32")
            candidates = self._passed(alpha, mask, noise[:, :1])
        else:
            candidates = ops.equal(alpha, ops.max(alpha, -1, keepdims=True, initial=0))
        location = ops.argmax(ops.cast(candidates, "int32"), -1)  # the first of them
        locations = ops.arange(ops.shape(alpha)[1], dtype="int32")
        sample = ops.equal(locations, ops.cast(location, "int32")[:, None])
        if mask is not None:  # nothing is picked where nothing is real
            sample = ops.logical_and(sample, mask)
        log_probability = ops.where(sample, log_alpha, 0.0)
        weights = ops.cast(sample, "float32")
        if training:
            expected = noise[:, 1:] < 0.5
            weights = ops.where(expected, alpha, weights)
            log_probability = ops.where(expected, 0.0, log_probability)
        return (
            self._mean(weights, a),
            self._like_places(alpha, annotations),
            self._cast(ops.sum(log_probability, -1)),
            self._cast(-ops.sum(alpha * log_alpha, -1)),
        )

    def _passed(self, alpha, mask, draw):
        """Where the cumulative sum of alpha has passed the draw."""
        cumulative = ops.cumsum(alpha, -1)
        if mask is not None:
            # A padded location adds nothing but the rounding of a parallel sum.
            cumulative = ops.where(mask, cumulative, 0.0)
        total = ops.max(cumulative, -1, keepdims=True, initial=0)
        return cumulative > ops.minimum(draw, LARGEST_DRAW) * total

    def compute_output_shape(self, annotations_shape, hidden_shape=None):
        batch, *places, features = annotations_shape
        return (batch, features), (batch, *places), (batch,), (batch,)

    def get_config(self):
        return {
            **super().get_config(),
            "inference": self.inference,
            "seed": self.seed,
        }
