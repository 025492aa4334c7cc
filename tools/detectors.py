"""How each kind of detector is built from a recipe, and what `fit` needs for it."""

import numpy as np

from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.runs.recipe import apply_table


class OneStage:
    """YOLOv2: one map of boxes around priors that are found in the training boxes.

    Attributes:
        searches: Whether the detector takes regions, which are to be searched.
        stage: Name of the function of `tfrecvis.models.detection` that takes the
            detector and batches after `fit`, or None.
    """

    keys = ("num_priors",)
    searches = False
    stage = None

    def __init__(self, name):
        self.name = name

    def model(self, recipe, reader):
        """The detector of [model]."""
        from tfrecvis import models
        from tfrecvis.data import dimension_priors

        arguments = dict(recipe["model"])
        count = arguments.pop("num_priors", 5)
        boxes = [s["boxes"] for s in reader.samples().as_numpy_iterator()]
        try:
            priors, _ = dimension_priors(np.concatenate(boxes), count)
        except ValueError as error:
            raise UserError(f"model.num_priors is wrong: {error}") from error
        priors = priors.round(2).tolist()
        builder = getattr(models, self.name)
        model = apply_table(
            {"model": arguments}, "model", builder, reader.num_classes, priors
        )
        self.grid = model.get_layer("boxes")
        return model

    def trainer(self, model):
        """The model that `fit` trains."""
        return model

    def objective(self):
        """Arguments of `compile`."""
        from tfrecvis.losses import YOLOv2Loss

        return {"loss": YOLOv2Loss(self.grid.priors, self.grid.stride)}

    def example(self, batch):
        """A batch as `fit` takes it."""
        import tensorflow as tf

        classes = tf.cast(batch["classes"], tf.float32)[..., None]
        return batch["image"], tf.concat([batch["boxes"], classes], -1)


class WithTruth:
    """Detectors of detections: the truth goes into the model that is trained.

    Args:
        name: String, the detector's in `tfrecvis.models`.
        trainer: String, the function of `tfrecvis.models.detection` that makes this
            model.
        truth: Keys of a sample that it takes.
    """

    keys = ()
    searches = False
    stage = None

    def __init__(self, name, trainer, truth=("boxes", "classes")):
        self.name, self.truth = name, truth
        self.trainer_name = trainer

    def model(self, recipe, reader):
        from tfrecvis import models

        missing = [k for k in self.truth if k not in reader.samples().element_spec]
        if missing:
            raise UserError(
                f"{self.name} needs {missing[0]} to be trained, which the reader does "
                "not give. Choose another data.reader, or FasterRCNN as model.class."
            )
        builder = getattr(models, self.name)
        return apply_table(recipe, "model", builder, reader.num_classes)

    def trainer(self, model):
        from tfrecvis.models import detection

        return getattr(detection, self.trainer_name)(model)

    def objective(self):
        return {}

    def example(self, batch):
        return ({"images": batch["image"], **{key: batch[key] for key in self.truth}},)


class OfRegions(WithTruth):
    """Detectors that take regions besides images.

    Args:
        name, trainer: As of `WithTruth`.
        stage: String, what follows `fit`, or None.
    """

    searches = True

    def __init__(self, name, trainer, stage=None):
        super().__init__(name, trainer)
        self.stage = stage

    def example(self, batch):
        (inputs,) = super().example(batch)
        return ({**inputs, "regions": batch["regions"]},)


_DETECTORS = {
    "FastRCNN": (OfRegions, "fast_rcnn_trainer"),
    "FasterRCNN": (WithTruth, "two_stage_trainer"),
    "MaskRCNN": (WithTruth, "two_stage_trainer", ("boxes", "classes", "masks")),
    "SSD": (WithTruth, "ssd_trainer"),
    "YOLO": (WithTruth, "yolo_trainer"),
    "OverFeat": (WithTruth, "overfeat_trainer"),
    "ReInspect": (WithTruth, "reinspect_trainer"),
    "RCNN": (OfRegions, "rcnn_trainer", "fit_svms"),
    "YOLOv2": (OneStage,),
}


def detector(name):
    """Returns the detector called `name`.

    Raises:
        UserError: there is none.

    Example:

    >>> detector("MaskRCNN").truth
    ('boxes', 'classes', 'masks')
    """
    if name not in _DETECTORS:
        raise UserError(
            f"model.class must be one of {', '.join(_DETECTORS)}. Received: {name!r}. "
            + nearest(str(name), list(_DETECTORS))
        )
    kind, *arguments = _DETECTORS[name]
    return kind(name, *arguments)
