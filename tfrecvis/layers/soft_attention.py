"""SoftAttention: the expected annotation, with a gate."""

import keras
from keras import ops

from tfrecvis.layers.location_attention import LocationAttention


@keras.saving.register_keras_serializable("tfrecvis")
class SoftAttention(LocationAttention):
    """Weighs the locations of an image by how well they fit a hidden state.

    With annotations a[i] and the decoder's previous hidden state h:

        e[i] = tanh(a[i] . annotation_kernel + h . hidden_kernel + bias) . score_kernel
        alpha = softmax(e)
        beta = sigmoid(h . gate_kernel + gate_bias)
        z = beta * sum_i alpha[i] * a[i]

    One step of a decoder; call it in the decoder's loop. `project(annotations)` gives
    the part of e that is the same at every step: pass it as `keys` to save the loop
    a matrix product over all locations.

    Softmax is computed in float32. Padded locations have weight zero, whatever they
    hold. Where a mask removes every location of an image, z and alpha are zeros in a
    compiled graph, and an error outside.

    Reference: Xu et al., 2015, sections 3.1.2 and 4.2
    (https://arxiv.org/abs/1502.03044); the paper leaves f_att and f_beta open, these
    are the authors' code.

    Args:
        units: Integer, hidden units of the attention network.

    Call arguments:
        annotations: Float tensor `(batch, locations, features)`, or a map `(batch,
            height, width, features)`.
        hidden: Float tensor `(batch, hidden features)`.
        mask: Boolean tensor `(batch, locations)` or `(batch, height, width)`, True for
            a real location, or None.
        keys: What `project(annotations)` returned, or None to compute it.
        annotations_mask: The mask that `annotations` carry from the layer before them.
            Keras passes it; where both are given, `mask` is used.

    Input shape: `(batch, locations, features)` or `(batch, height, width, features)`;
        locations, height and width may be None.
    Output shape: z `(batch, features)`, and alpha `(batch, locations)` or `(batch,
        height, width)`. `tfrecvis.losses.doubly_stochastic_penalty` takes alpha.

    Raises:
        ValueError: `units` is not positive, `hidden` is missing, the shapes do not
            fit, or the mask removes every location of an image.

    Example:

    >>> attention = SoftAttention(16)
    >>> z, alpha = attention(ops.ones((2, 14, 14, 8)), hidden=ops.ones((2, 5)))
    >>> tuple(z.shape), tuple(alpha.shape)
    ((2, 8), (2, 14, 14))
    """

    def build(self, annotations_shape, hidden_shape=None):
        super().build(annotations_shape, hidden_shape)
        self.gate_kernel = self.add_weight(
            (hidden_shape[-1], 1), "glorot_uniform", name="gate_kernel"
        )
        self.gate_bias = self.add_weight((1,), "zeros", name="gate_bias")

    def call(
        self, annotations, hidden=None, mask=None, keys=None, annotations_mask=None
    ):
        mask = annotations_mask if mask is None else mask
        a, _, alpha, _ = self._attend(annotations, hidden, mask, keys)
        beta = ops.matmul(self._cast(hidden), self._cast(self.gate_kernel))
        beta = ops.sigmoid(beta + self._cast(self.gate_bias))
        z = beta * self._mean(alpha, a)
        return z, self._like_places(alpha, annotations)

    def compute_output_shape(self, annotations_shape, hidden_shape=None):
        batch, *places, features = annotations_shape
        return (batch, features), (batch, *places)
