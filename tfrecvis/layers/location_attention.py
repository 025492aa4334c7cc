"""What SoftAttention and HardAttention share: how well each location fits."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists, known_size
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.shape_checks import check_mask, check_shapes

# The score of a location that is not real: its exponential is zero beside any other.
FAR_BELOW = -1e30


class LocationAttention(TakesLists, keras.layers.Layer):
    """The attention network f_att of Xu et al. and its softmax over the locations.

        e[i] = tanh(a[i] . annotation_kernel + h . hidden_kernel + bias) . score_kernel
        alpha = softmax(e)

    A bias after `score_kernel`, as in the authors' code, would change no alpha.
    """

    def __init__(self, units, **kwargs):
        # No autocast: random numbers come in float32, and are not to be rounded.
        super().__init__(autocast=False, **kwargs)
        check_integer("units", units)
        self.units = units
        self.supports_masking = True

    def build(self, annotations_shape, hidden_shape=None):
        self._check(annotations_shape, hidden_shape)
        features = known_size("annotations", annotations_shape)
        hidden_features = known_size("hidden", hidden_shape)
        self.annotation_kernel = self.add_weight(
            (features, self.units), "glorot_uniform", name="annotation_kernel"
        )
        self.hidden_kernel = self.add_weight(
            (hidden_features, self.units), "glorot_uniform", name="hidden_kernel"
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.score_kernel = self.add_weight(
            (self.units, 1), "glorot_uniform", name="score_kernel"
        )

    def project(self, annotations, mask=None):
        """What a step computes from the annotations only: their `keys`.

        A decoder calls this once before its loop and hands the keys to every step.

        Args:
            annotations: Float tensor `(batch, locations, features)` or `(batch, height,
                width, features)`.
            mask: Boolean tensor of the shape of the locations, or None.

        Returns:
            Float tensor `(batch, locations, units)`, or with height and width.

        Raises:
            ValueError: The layer was neither called nor built yet.
        """
        if not self.built:
            raise ValueError(
                "`project` needs the weights, which are made in the first call. Use "
                "`layer(annotations, hidden=hidden)` once before, or `layer.build`."
            )
        annotations = self._cast(annotations)
        if mask is not None:
            mask = ops.cast(mask, "bool")[..., None]
            annotations = ops.where(mask, annotations, ops.zeros_like(annotations))
        return ops.matmul(annotations, self._cast(self.annotation_kernel))

    def _cast(self, x):
        return ops.cast(x, self.compute_dtype)

    def _attend(self, annotations, hidden, mask, keys):
        """Annotations, mask, alpha, log alpha; one axis of locations, zeros at padding.

        Alpha and its logarithm are float32.
        """
        self._check(annotations, hidden, mask, keys)
        places = ops.shape(annotations)[1:-1]
        locations = places[0] if len(places) == 1 else places[0] * places[1]
        annotations, hidden = self._cast(annotations), self._cast(hidden)
        a = ops.reshape(annotations, (-1, locations, annotations.shape[-1]))
        if mask is not None:
            mask = ops.reshape(ops.cast(mask, "bool"), (-1, locations))
            a = ops.where(mask[..., None], a, ops.zeros_like(a))
        if keys is None:
            keys = self.project(a)
        else:
            keys = ops.reshape(self._cast(keys), (-1, locations, self.units))
            if mask is not None:
                keys = ops.where(mask[..., None], keys, ops.zeros_like(keys))
        query = ops.matmul(hidden, self._cast(self.hidden_kernel))
        query = query + self._cast(self.bias)
        e = ops.matmul(ops.tanh(keys + query[:, None]), self._cast(self.score_kernel))
        e = ops.cast(e[..., 0], "float32")  # (B, L)
        if mask is not None:
            e = ops.where(mask, e, FAR_BELOW)
        log_alpha = ops.log_softmax(e, -1)
        alpha = ops.exp(log_alpha)
        if mask is not None:  # the only zeros where no location is real
            alpha = ops.where(mask, alpha, 0.0)
            log_alpha = ops.where(mask, log_alpha, 0.0)
        return a, mask, alpha, log_alpha

    def _mean(self, weights, annotations):
        """`sum_i weights[i] * a[i]`"""
        return ops.matmul(self._cast(weights)[:, None], annotations)[:, 0]

    def _like_places(self, alpha, annotations):
        """Alpha with the axes of the annotations: height and width again, if any."""
        alpha = self._cast(alpha)
        return ops.reshape(alpha, (-1, *ops.shape(annotations)[1:-1]))

    def _check(self, annotations, hidden, mask=None, keys=None):
        """Refuse tensors, or in `build` shapes, that do not fit."""
        check_given("hidden", hidden, "Use `layer(annotations, hidden=hidden)`.")
        spec = "batch locations features | batch height width features"
        check_shapes(annotations=(spec, annotations))
        inputs = {"annotations": ("batch *places features", annotations)}
        check_mask(mask, "location", "images", **inputs)
        check_shapes(
            "Sizes of features are those of the weights; keys are what "
            "`project(annotations)` gives.",
            features=self.annotation_kernel.shape[0] if self.built else None,
            hidden_features=self.hidden_kernel.shape[0] if self.built else None,
            units=self.units,
            **inputs,
            hidden=("batch hidden_features", hidden),
            keys=("batch *places units", keys),
        )

    def compute_mask(self, annotations, mask=None):
        return None

    def get_config(self):
        return {**super().get_config(), "units": self.units}
