"""What `compile` takes as optimizer: learning rates of their own for some variables."""

from tfrecvis.optimizers.fine_tuning import fine_tuning

__all__ = ["fine_tuning"]
