"""Some variables, such as a pretrained backbone's, learn more slowly than others."""

import keras
from keras import ops

from tfrecvis.ops.checks import check_number

_BASES = (
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    keras.optimizers.SGD,
    keras.optimizers.Adadelta,
)


def fine_tuning(optimizer, variables, share):
    """The same optimizer with another learning rate for some of the variables.

    With the learning rate r of a step, of the schedule if there is one, these take
    their step, weight decay included, with `share * r`, all others with r. Gradients
    are clipped as before, all together, and moving averages are kept as before.

    At 0 the variables stay as they are. Of a backbone, the means and variances of batch
    normalisation, which are not trained, follow the images all the same.

    Args:
        optimizer: Keras optimizer: Adam, AdamW, SGD or Adadelta. It is not used itself.
            What shall have no weight decay, say to the one that is returned.
        variables: List of trainable variables of the model that is compiled, such as
            `tfrecvis.models.backbone_of(model).trainable_variables`.
        share: Number of at least 0, times the learning rate.

    Returns:
        A Keras optimizer for `compile`. A file of the compiled model holds it.

    Raises:
        ValueError: the optimizer is another one, the share is negative, or there are no
            variables; when it is built, one of the variables is not trained.

    Example:

    >>> layer, head = keras.layers.Dense(2), keras.layers.Dense(1)
    >>> model = keras.Sequential([keras.Input((3,)), layer, head])
    >>> adam = keras.optimizers.AdamW(1e-3)
    >>> model.compile(fine_tuning(adam, layer.trainable_variables, 0.1), "mse")
    """
    check_number("share", share)
    if type(optimizer) not in _CLASSES:
        names = ", ".join(base.__name__ for base in _BASES)
        raise ValueError(
            f"`optimizer` must be one of Keras' {names}. Received: {optimizer!r}."
        )
    if not variables:
        raise ValueError(
            "`variables` must be at least one variable that is trained. Received none."
        )
    paths = [variable.path for variable in variables]
    config = {**optimizer.get_config(), "share": float(share), "paths": paths}
    return _CLASSES[type(optimizer)].from_config(config)


def _sharing(base):
    class FineTuning(base):
        def __init__(self, *args, share=1.0, paths=(), **kwargs):
            super().__init__(*args, **kwargs)
            self.share = share
            self.paths = list(paths)

        def build(self, variables):
            # First of all: the base may ask which variables decay.
            self._slow = [variable.path in self.paths for variable in variables]
            if sum(self._slow) != len(self.paths):
                raise ValueError(
                    f"Of the {len(self.paths)} variables with a learning rate of their "
                    f"own, {sum(self._slow)} are among those that are trained. Give "
                    "`fine_tuning` trainable variables of the model that is compiled."
                )
            super().build(variables)

        def _is_slow(self, variable):
            return self._slow[self._get_variable_index(variable)]

        def _use_weight_decay(self, variable):
            # Slow variables decay at their own rate, in `update_step`.
            return not self._is_slow(variable) and super()._use_weight_decay(variable)

        def update_step(self, gradient, variable, learning_rate):
            if self._is_slow(variable):
                learning_rate = learning_rate * self.share
                if self.weight_decay and super()._use_weight_decay(variable):
                    decay = ops.cast(self.weight_decay * learning_rate, variable.dtype)
                    self.assign_sub(variable, ops.multiply(variable, decay))
            super().update_step(gradient, variable, learning_rate)

        def get_config(self):
            return {**super().get_config(), "share": self.share, "paths": self.paths}

    FineTuning.__name__ = FineTuning.__qualname__ = f"FineTuning{base.__name__}"
    return keras.saving.register_keras_serializable("tfrecvis")(FineTuning)


_CLASSES = {base: _sharing(base) for base in _BASES}
