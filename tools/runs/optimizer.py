"""The optimizer of a recipe, with its schedule."""

import keras

from tfrecvis.tools.errors import UserError


def build_optimizer(training, steps, model):
    """Returns the optimizer with its schedule.

    Args:
        training: Dict, the [training] table.
        steps: Integer, steps per epoch.
        model: The model that it trains.

    Raises:
        UserError: the backbone shall have a learning rate of its own, and there is
            none, or it is not trained.
    """
    rate = training["learning_rate"]
    warmup = round(training["warmup"] * steps)
    total = training["epochs"] * steps
    constant = training["schedule"] == "constant"
    if warmup or not constant:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            max(1, total - warmup),
            alpha=1.0 if constant else 0.0,  # 1: stays at the target
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    decay = training["weight_decay"] or None  # AdamW without it is Adam
    classes = {
        "adamw": keras.optimizers.AdamW if decay else keras.optimizers.Adam,
        "adam": keras.optimizers.Adam,
        "sgd": keras.optimizers.SGD,
        "adadelta": keras.optimizers.Adadelta,
    }
    momentum = {"momentum": 0.9} if training["optimizer"] == "sgd" else {}
    optimizer = classes[training["optimizer"]](
        rate,
        weight_decay=decay,
        global_clipnorm=training["clipnorm"] or None,
        use_ema=training["ema_momentum"] > 0,
        ema_momentum=training["ema_momentum"] or 0.99,
        **momentum,
    )
    if training["backbone_learning_rate"] != 1:
        from tfrecvis.models import backbone_of
        from tfrecvis.optimizers import fine_tuning

        share = training["backbone_learning_rate"]
        try:
            backbone = backbone_of(model)
            optimizer = fine_tuning(optimizer, backbone.trainable_variables, share)
        except ValueError as error:
            raise UserError(
                f"training.backbone_learning_rate is {share}. {error}"
            ) from error
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
