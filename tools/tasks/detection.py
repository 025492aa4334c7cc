"""Detection: objects in an image get a box and a class.

[model] holds the arguments of `tfrecvis.models.YOLOv2`, and in place of `priors` the
key `num_priors`, default 5: as many are found by k-means in the boxes to train on.
[data] and [augmentation] are those of `tfrecvis.tools.reader_task`, with the reader
"voc" (`tfrecvis.data.VOCFolder`). Scores are those of COCO, by pycocotools.
"""

import contextlib
import io
from pathlib import Path

import numpy as np

from tfrecvis.optional import optional_import
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import write_json
from tfrecvis.tools.photos import TakesPhotos
from tfrecvis.tools.reader_task import ReaderTask
from tfrecvis.tools.runs.recipe import apply_table

SHOWN = 0.3  # the lowest score that is drawn


class Detection(TakesPhotos, ReaderTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"ap": "AP", "ap50": "AP50"}
    scores_answers = True
    readers = {"voc": "VOCFolder"}
    model_class = "YOLOv2"
    files = ("_boxes.png", "_boxes.json")

    def example(self, batch):
        import tensorflow as tf

        classes = tf.cast(batch["classes"], tf.float32)[..., None]
        return batch["image"], tf.concat([batch["boxes"], classes], -1)

    def model(self):
        from tfrecvis.data import dimension_priors
        from tfrecvis.models import YOLOv2

        arguments = dict(self.recipe["model"])
        count = arguments.pop("num_priors", 5)
        boxes = [s["boxes"] for s in self.reader.samples().as_numpy_iterator()]
        try:
            priors, _ = dimension_priors(np.concatenate(boxes), count)
        except ValueError as error:
            raise UserError(f"model.num_priors is wrong: {error}") from error
        model = apply_table(
            {"model": arguments},
            "model",
            YOLOv2,
            self.reader.num_classes,
            priors.round(2).tolist(),
        )
        self.grid = model.get_layer("boxes")
        return model

    def objective(self):
        from tfrecvis.losses import YOLOv2Loss

        return {"loss": YOLOv2Loss(self.grid.priors, self.grid.stride)}

    def signatures(self, model):
        from tfrecvis.models import detection

        return detection.signatures(model)

    def data_at(self, path):
        data = super().data_at(path)
        # The card took the names out of the recipe.
        if "class_names" in self.card:
            data.setdefault("class_names", self.card["class_names"])
        return data

    def restored(self, answer, given, size):
        stretch = [size[1] / given[1], size[0] / given[0]] * 2
        return {**answer, "boxes": answer["boxes"] * np.array(stretch, "float32")}

    def score(self, pairs):
        names = self.card["class_names"]
        return coco_scores(pairs, names)

    def table(self, result):
        from tfrecvis.tools.tables import class_table

        columns = {"AP": result["class_ap"], "AP50": result["class_ap50"]}
        means = {"AP": result["ap"], "AP50": result["ap50"]}
        return class_table(columns, means)

    def write(self, batch, answer, stem):
        from tfrecvis.tools.pictures.detection import write_boxes

        names, colours = self.card["class_names"], self.card["colours"]
        picture, listing = (Path(f"{stem}{ending}") for ending in self.files)
        found = entries(answer, 0)
        shown = [entry for entry in found if entry["score"] >= SHOWN]
        write_boxes(batch["image"][0], shown, names, colours, picture)
        for entry in found:
            entry["category"] = names[entry["category_id"]]
        write_json(listing, found)
        return f"{len(shown)} objects"

    def compare(self, batches, answers, path):
        from tfrecvis.tools.pictures.detection import write_detections

        rows = []
        for number, batch in enumerate(batches):
            columns = {"truth": truths(batch, 0)}
            for name, given in answers.items():
                found = entries(given[number], 0)
                columns[name] = [e for e in found if e["score"] >= SHOWN]
            rows.append((batch["image"][0], columns))
        names, colours = self.card["class_names"], self.card["colours"]
        write_detections(rows, names, colours, path)
        return path


def entries(answer, image):
    """The detections of an image as a list of dicts, in the form of COCO's results.

    Args:
        answer: Dict that a detector gives.
        image: Integer, the entry of the batch.
    """
    count = int(answer["num_detections"][image])
    return [
        {
            "category_id": int(answer["classes"][image, index]),
            "bbox": _xywh(answer["boxes"][image, index]),
            "score": float(answer["scores"][image, index]),
        }
        for index in range(count)
    ]


def truths(batch, image):
    """The true boxes of an image, as `entries` gives detections."""
    real = batch["classes"][image] >= 0
    difficult = batch.get("difficult", np.zeros_like(batch["classes"]))
    return [
        {"category_id": int(label), "bbox": _xywh(box), "difficult": bool(hard)}
        for label, box, hard in zip(
            batch["classes"][image][real],
            batch["boxes"][image][real],
            difficult[image][real],
            strict=True,
        )
    ]


def _xywh(box):
    x0, y0, x1, y1 = (float(value) for value in box)
    return [x0, y0, x1 - x0, y1 - y0]


def coco_scores(pairs, class_names):
    """Average precision by COCO's protocol: IoU 0.50 to 0.95, 100 detections.

    Args:
        pairs: Iterable of (batch, answer).
        class_names: List of strings.

    Returns:
        Dict: "ap", "ap50", "ap75", "images", "objects", and by class "class_ap" and
        "class_ap50"; None for a class without objects.
    """
    coco = optional_import("pycocotools.coco", extra="eval", what="Scores of boxes")
    cocoeval = optional_import("pycocotools.cocoeval", extra="eval", what="Scores")
    images, annotations, results = [], [], []
    for batch, answer in pairs:
        for image in range(len(batch["classes"])):
            number = len(images) + 1
            images.append({"id": number})
            for entry in truths(batch, image):
                area = entry["bbox"][2] * entry["bbox"][3]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": entry["category_id"],
                        "bbox": entry["bbox"],
                        "area": area,
                        "iscrowd": int(entry["difficult"]),
                    }
                )
            results += [{"image_id": number, **e} for e in entries(answer, image)]
    if not annotations:
        raise UserError("Nothing to score: no image has a box.", exit_code=1)
    categories = [{"id": number} for number in range(len(class_names))]
    truth = coco.COCO()
    truth.dataset = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = truth.loadRes(results) if results else coco.COCO()
        evaluation = cocoeval.COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    # (IoU thresholds, recalls, classes, areas, most detections); -1: no object.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]

    def mean(values):
        values = values[values > -1]
        return float(values.mean()) if values.size else None

    per_class = range(len(class_names))
    return {
        "ap": mean(precision),
        "ap50": mean(precision[0]),
        "ap75": mean(precision[5]),
        "images": len(images),
        "objects": len(annotations),
        "class_ap": {class_names[k]: mean(precision[:, :, k]) for k in per_class},
        "class_ap50": {class_names[k]: mean(precision[0, :, k]) for k in per_class},
    }
