"""R-CNN's last stage: support vector machines, and a regression of boxes."""

import keras
import numpy as np

from tfrecvis.losses.region_losses import BOX_WEIGHTS
from tfrecvis.models.detection.rcnn import check_rcnn
from tfrecvis.ops.boxes import encode_boxes, pairwise_iou
from tfrecvis.optional import optional_import

NORM = 20.0  # to which the mean norm of features is scaled
C = 1e-3
POSITIVE_WEIGHT = 2.0
BIAS_MULTIPLIER = 10.0
NEGATIVE_IOU = 0.3
HARD = -1.0001  # the score from which a background region is a hard one
RETRAIN = 2000  # new background regions
RIDGE = 1000.0
REGRESSION_IOU = 0.6


def fit_svms(model, batches):
    """Replaces the last layers of an `RCNN` that was trained by `fit`.

    The layer of scores gets, for each class, a linear support vector machine: true
    boxes against the regions that overlap none of the class by an IoU of 0.3 or more.
    Of these, in one pass, the first 2000 are learnt and then the hard ones, those that
    the machine of that time scores above -1; it is trained anew with each 2000 more.
    The layer of boxes gets, for each class, a ridge regression of the whitened targets
    of the regions that overlap a true box of it by 0.6 or more.

    Reference: Girshick et al., 2014, sections 2.3 and C
    (https://arxiv.org/abs/1311.2524), with the numbers of its published code: features
    of a mean norm of 20, C = 0.001, positives of weight 2, a bias of 10, lambda = 1000.
    Differs from the paper: what was learnt stays, also where it becomes easy.

    Args:
        model: What `RCNN` returned, or such a model from a file; it is changed.
        batches: Iterable of dicts of arrays, as `rcnn_trainer` takes them, which is
            gone through twice.

    Raises:
        ImportError: scikit-learn is missing.
        ValueError: The model is no such detector, a class has no box, or the batches
            can be gone through only once.

    Example:

    >>> from tfrecvis.models import RCNN
    >>> detector = RCNN(1, backbone_filters=(8,), backbone_blocks=(0,), crop_size=16)
    >>> box = np.array([[[4.0, 4.0, 12.0, 16.0]]])
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "regions": box + 12,
    ...          "boxes": box, "classes": np.array([[0]])}
    >>> fit_svms(detector, [batch])
    """
    check_rcnn(model)
    optional_import("sklearn.svm", extra="eval", what="The classifiers of R-CNN")
    layer, deltas = model.get_layer("class_scores"), model.get_layer("box_deltas")
    see = _Features(model)
    num_classes = layer.units
    known = [_Known() for _ in range(num_classes)]
    norms, map_norms = [], []
    for batch in batches:
        for image in see(batch):
            image.collect(known)
            norms.append(np.linalg.norm(image.features, axis=1))
            map_norms.append(np.linalg.norm(image.maps, axis=1))
    for number, of_class in enumerate(known):
        if not of_class.positives:
            raise ValueError(
                f"Class {number} has no true box in `batches`, and no classifier can "
                "be fitted. Take more images, or fewer classes."
            )
    scale, map_scale = (
        NORM / max(float(np.mean(np.concatenate(n))), 1e-6) for n in (norms, map_norms)
    )
    machines = [Machine(np.stack(k.positives) * scale) for k in known]
    again = 0
    for batch in batches:
        again += 1
        for image in see(batch):
            for number, machine in enumerate(machines):
                machine.look_at(image.background(number) * scale)
    if not again:
        raise ValueError(
            "`batches` were used up after the first of two passes: a generator can be "
            "gone through once. Pass a list or a data set."
        )
    kernel, bias = zip(*(machine.weights() for machine in machines), strict=True)
    layer.kernel.assign(np.stack(kernel, 1) * scale)
    layer.bias.assign(np.array(bias))
    kernel, bias = zip(*(k.regression(map_scale) for k in known), strict=True)
    deltas.kernel.assign(np.concatenate(kernel, 1) * map_scale)
    deltas.bias.assign(np.concatenate(bias))


class _Features:
    """From a batch to its images, one by one, with the features of their regions."""

    def __init__(self, model):
        layers = [model.get_layer(name) for name in ("map_features", "features")]
        self.model = keras.Model(model.input, [layer.output for layer in layers])

    def __call__(self, batch):
        batch = {name: np.asarray(value) for name, value in batch.items()}
        area = (batch["boxes"][..., 2:] > batch["boxes"][..., :2]).all(-1)
        real = (batch["classes"] >= 0) & area
        boxes = np.where(real[..., None], batch["boxes"], 0)
        regions = np.concatenate([boxes, batch["regions"]], 1).astype("float32")
        found = self.model.predict_on_batch(
            {"images": batch["images"].astype("float32"), "regions": regions}
        )
        for n in range(len(regions)):
            kept = (regions[n, :, 2:] > regions[n, :, :2]).all(1)
            classes = batch["classes"][n][real[n]]
            yield _Image(regions[n][kept], classes, *(y[n][kept] for y in found))


class _Image:
    """The regions of an image, its true boxes first, and their features."""

    def __init__(self, regions, classes, maps, features):
        self.regions, self.classes = regions, classes
        self.maps, self.features = maps, features
        iou = pairwise_iou(regions[: len(classes)], regions)
        self.iou = keras.ops.convert_to_numpy(iou)

    def background(self, number):
        """Features of the regions that overlap no box of a class."""
        iou = self.iou[self.classes == number]
        return self.features[iou.max(0, initial=0) < NEGATIVE_IOU]

    def collect(self, known):
        """Adds features of true boxes, and what moves regions to them."""
        for number, features in zip(self.classes, self.features, strict=False):
            known[number].positives.append(features)
        if not len(self.classes):
            return
        match = self.iou.argmax(0)
        near = self.iou.max(0) >= REGRESSION_IOU
        targets = encode_boxes(self.regions[match[near]], self.regions[near])
        targets = keras.ops.convert_to_numpy(targets)
        for number, of_class in enumerate(known):
            own = self.classes[match[near]] == number
            of_class.maps.append(self.maps[near][own])
            of_class.targets.append(targets[own])


class _Known:
    """What is kept of a class: features of its boxes, and examples to regress."""

    def __init__(self):
        self.positives, self.maps, self.targets = [], [], []

    def regression(self, scale):
        """Kernel of scaled features and bias `(4,)`, as `RegionBoxes` has its deltas.

        There is an example at least: a true box, which is a region, too.
        """
        x, y = np.concatenate(self.maps) * scale, np.concatenate(self.targets)
        kernel, bias = ridge_of_whitened(x, y, RIDGE)
        weights = np.array(BOX_WEIGHTS)
        return kernel * weights, bias * weights


def ridge_of_whitened(x, y, strength):
    """Ridge regression of targets that are whitened, and undone in the weights.

        T = (y - mean) (S + 0.001 I)^-1/2,  S their covariance
        (w, b) = argmin |x w + b - T|^2 + strength (|w|^2 + b^2)

    Args:
        x: Array `(n, features)`.
        y: Array `(n, targets)`.
        strength: Number.

    Returns:
        Kernel `(features, targets)` and bias `(targets,)`, of y itself.

    Example: two targets of one feature, and a strength of nothing.

    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> kernel, bias = ridge_of_whitened(x, np.concatenate([2 * x, -x], 1) + 3, 1e-9)
    >>> kernel.round(4).tolist(), bias.round(4).tolist()
    ([[2.0, -1.0]], [3.0, 3.0])
    """
    x, y = (np.asarray(a, "float64") for a in (x, y))
    mean = y.mean(0)
    spread = (y - mean).T @ (y - mean) / len(y) + 0.001 * np.eye(y.shape[1])
    values, vectors = np.linalg.eigh(spread)
    whiten = vectors / np.sqrt(values) @ vectors.T
    undo = vectors * np.sqrt(values) @ vectors.T
    ones = np.concatenate([x, np.ones((len(x), 1))], 1)
    targets = (y - mean) @ whiten
    if len(x) < ones.shape[1]:  # the same solution, of a smaller system
        system = ones @ ones.T + strength * np.eye(len(x))
        weights = ones.T @ np.linalg.solve(system, targets)
    else:
        system = ones.T @ ones + strength * np.eye(ones.shape[1])
        weights = np.linalg.solve(system, ones.T @ targets)
    weights = weights @ undo
    return weights[:-1], weights[-1] + mean


class Machine:
    """A support vector machine of one class, which looks for hard background.

    Args:
        positives: Array `(n, features)`.
    """

    def __init__(self, positives):
        self.positives = positives
        self.negatives, self.new = [], 0
        self.fitted = None

    def look_at(self, background):
        """Learns what is hard in more background; at first, all of it."""
        if self.fitted is not None:
            kernel, bias = self.fitted
            background = background[background @ kernel + bias > HARD]
        if len(background):
            self.negatives.append(background)
        self.new += len(background)
        if self.new >= RETRAIN:
            self._fit()

    def weights(self):
        """Kernel `(features,)` and bias, once all was looked at."""
        if self.new or self.fitted is None:
            self._fit()
        return self.fitted

    def _fit(self):
        svm = optional_import("sklearn.svm", extra="eval", what="Classifiers")
        self.new = 0
        if not self.negatives:
            self.fitted = np.zeros(self.positives.shape[1]), 1.0
            return
        machine = svm.LinearSVC(
            C=C,
            loss="hinge",
            class_weight={1: POSITIVE_WEIGHT, 0: 1.0},
            intercept_scaling=BIAS_MULTIPLIER,
            random_state=0,
            max_iter=10_000,
        )
        negatives = np.concatenate(self.negatives)
        classes = np.repeat([1, 0], [len(self.positives), len(negatives)])
        machine.fit(np.concatenate([self.positives, negatives]), classes)
        self.fitted = machine.coef_[0], float(machine.intercept_[0])
