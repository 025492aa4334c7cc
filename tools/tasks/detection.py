"""Detection: objects in an image get a box and a class, and perhaps a mask.

[model] holds `class`, the name of a detector of `tfrecvis.models` (default "YOLOv2"),
and its arguments. In place of YOLOv2's `priors` stands the key `num_priors`, default 5:
as many are found by k-means in the boxes to train on. [data] and [augmentation] are
those of `tfrecvis.tools.reader_task`, with the readers "voc"
(`tfrecvis.data.VOCFolder`), "coco" (`COCOFolder`), "instance_masks"
(`InstanceMaskFolder`), "synthetic" (`SyntheticObjects`) and "tfds" (`DetectionTFDS`).
A detector of one size, such as `YOLO`, is trained on images of its `input_shape`.
[regions] holds the arguments of `tfrecvis.data.SelectiveSearch`, for a detector that
takes regions: they are searched in the images that a reader gives, before augmentation,
and in photos once these have the model's size. Scores are those of COCO, by
pycocotools, and of Pascal VOC; COCO's of a detector of masks are of its masks.
"""

from pathlib import Path

import numpy as np

from tfrecvis.tools.detection_scores import (
    challenge_score,
    coco_scores,
    entries,
    truths,
)
from tfrecvis.tools.detectors import detector
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import write_json
from tfrecvis.tools.photos import TakesPhotos, resized
from tfrecvis.tools.reader_task import ReaderTask
from tfrecvis.tools.runs.recipe import apply_table
from tfrecvis.tools.voc_scores import voc_scores

SHOWN = 0.3  # the lowest score that is drawn


class Detection(TakesPhotos, ReaderTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"ap": "AP", "ap50": "AP50"}
    scores_answers = True
    readers = {
        "coco": "COCOFolder",
        "instance_masks": "InstanceMaskFolder",
        "synthetic": "SyntheticObjects",
        "tfds": "DetectionTFDS",
        "voc": "VOCFolder",
    }
    tables = ("augmentation", "regions")
    drawn = ("synthetic",)
    model_keys = ("class", "num_priors")
    files = ("_boxes.png", "_boxes.json")
    video_files = (".mp4", ".json")

    def __init__(self, recipe, card=None):
        super().__init__(recipe, card)
        arguments = dict(recipe["model"])
        self.detector = detector(arguments.pop("class", "YOLOv2"))
        self.model_class = self.detector.name
        self.arguments = arguments
        self.search = None
        if self.detector.searches:
            from tfrecvis.data import SelectiveSearch

            self.search = apply_table(recipe, "regions", SelectiveSearch)
            self.made_inputs = ("regions",)
        elif "regions" in recipe:
            raise UserError(f"{self.model_class} takes no regions: remove [regions].")

    def _batches(self, reader, augmentation, **arguments):
        if self.search is not None:
            augmentation = _SearchBefore(self.search, augmentation)
        return super()._batches(reader, augmentation, **arguments)

    def complete(self, inputs):
        if self.search is None or "regions" in inputs:
            return inputs
        try:
            regions = [self.search.search(image) for image in inputs["images"]]
        except ImportError as error:
            raise UserError(str(error)) from error
        return {**inputs, "regions": np.stack(regions)}

    def example(self, batch):
        return self.detector.example(batch)

    def model(self):
        recipe = {**self.recipe, "model": self.arguments}
        model = self.detector.model(recipe, self.reader)
        self._check_sizes(model.inputs[0].shape[1:3])
        return model

    def _check_sizes(self, fixed):
        """Refuses images of other sizes where the model takes one size only."""
        if None in fixed:
            return
        crop = self.augmentation and self.augmentation.crop_size
        if self.augmentation and self.augmentation.sizes:
            raise UserError(
                f"{self.model_class} takes images of {fixed[0]}x{fixed[1]} pixels and "
                "no others: leave augmentation.sizes out."
            )
        given = {
            "train": [crop] if crop else self.reader.sizes,
            "validate": self.held_out.sizes,
        }
        for what, sizes in given.items():
            others = {tuple(map(int, size)) for size in sizes or ()} - {tuple(fixed)}
            if others:
                height, width = min(others)
                raise UserError(
                    f"{self.model_class} takes images of {fixed[0]}x{fixed[1]} pixels "
                    f"and no others; some to {what} on have {height}x{width}. Set "
                    "model.input_shape to the size of the images, or the reader's "
                    "size and augmentation.crop_size to that of the model."
                )

    def trainer(self, model):
        return self.detector.trainer(model)

    def objective(self):
        return self.detector.objective()

    @property
    def last_stage(self):
        return None if self.detector.stage is None else self._last_stage

    def _last_stage(self, model, scores):
        from tfrecvis.models import detection

        batches = self._batches(self.reader, None, shuffle=False)
        stage = getattr(detection, self.detector.stage)
        try:
            stage(model, _Again(batches.as_numpy_iterator))
        except (ImportError, ValueError) as error:
            raise UserError(str(error), exit_code=1) from error

    def signatures(self, model):
        from tfrecvis.models import detection

        return detection.signatures(model)

    def data_at(self, path):
        data = super().data_at(path)
        # The card took the names out of the recipe.
        if "class_names" in self.card and data["reader"] not in self.drawn:
            data.setdefault("class_names", self.card["class_names"])
        return data

    def restored(self, answer, given, size):
        stretch = [size[1] / given[1], size[0] / given[0]] * 2
        answer = {**answer, "boxes": answer["boxes"] * np.array(stretch, "float32")}
        if "masks" in answer:
            answer["masks"] = np.stack(
                [
                    np.stack([_resized_mask(mask, size) for mask in masks])
                    for masks in answer["masks"]
                ]
            )
        return answer

    def score(self, pairs):
        images, has_masks, full = [], False, 0
        for batch, answer in pairs:
            has_masks = "masks" in answer
            full += sum(_is_full(answer, n) for n in range(len(batch["classes"])))
            images += [
                (truths(batch, image, has_masks), entries(answer, image))
                for image in range(len(batch["classes"]))
            ]
        names = self.card["class_names"]
        counted = {"images": len(images), "objects": sum(len(t) for t, _ in images)}
        counted["full_answers"] = full
        of_voc = voc_scores(images, names)
        result = {**coco_scores(images, names), **of_voc, **counted}
        if has_masks:
            masks = coco_scores(images, names, "segm")
            of_boxes = {f"box_{name}": result[name] for name in ("ap", "ap50")}
            result = {**result, **masks, **of_boxes}
            result["challenge"] = challenge_score(images)
        return result

    def table(self, result):
        from tfrecvis.tools.tables import class_table

        titles = {"ap": "AP", "ap50": "AP50", "voc07": "VOC07", "voc10": "VOC10"}
        columns = {title: result[f"class_{key}"] for key, title in titles.items()}
        means = {title: result[key] for key, title in titles.items()}
        table = class_table(columns, means)
        if "challenge" in result:
            table += (
                "\nAP and AP50 are of masks, VOC07 and VOC10 of boxes. Boxes: AP "
                f"{result['box_ap']:.4f}, AP50 {result['box_ap50']:.4f}. Mean average "
                "precision of masks as in the Data Science Bowl 2018: "
                f"{result['challenge']:.4f}"
            )
        if result["full_answers"]:
            table += (
                f"\n{result['full_answers']} of {result['images']} images have as many "
                "detections as the model answers with at most: some may be left out"
            )
        return table

    def draw_scores(self, result, heading, directory):
        from tfrecvis.tools.pictures.precision_recall import write_precision_recall

        path = directory / "precision_recall.png"
        write_precision_recall(result["curves"], result["class_ap50"], heading, path)
        return [path]

    def frame(self, batch, answer):
        from tfrecvis.tools.pictures.detection import draw_boxes

        names, colours = self.card["class_names"], self.card["colours"]
        shown = [e for e in entries(answer, 0) if e["score"] >= SHOWN]
        return np.asarray(draw_boxes(batch["image"][0], shown, names, colours))

    def listing(self, batch, answer, image_id):
        names = self.card["class_names"]
        return [
            {"image_id": image_id, **entry, "category": names[entry["category_id"]]}
            for entry in entries(answer, 0)
        ]

    def write(self, batch, answer, stem):
        from tfrecvis.tools.pictures.detection import write_boxes

        names, colours = self.card["class_names"], self.card["colours"]
        picture, written = (Path(f"{stem}{ending}") for ending in self.files)
        found = self.listing(batch, answer, stem.name)
        shown = [entry for entry in found if entry["score"] >= SHOWN]
        write_boxes(batch["image"][0], shown, names, colours, picture)
        write_json(written, found)
        told = f"{len(shown)} objects"
        if _is_full(answer, 0):
            most = len(answer["boxes"][0])
            told += f"; the model answers with {most} at most: some may be left out"
        return told

    def compare(self, batches, answers, path):
        from tfrecvis.tools.pictures.detection import write_detections

        rows = []
        for number, batch in enumerate(batches):
            masked = any("masks" in given[number] for given in answers.values())
            columns = {"truth": truths(batch, 0, masked)}
            for name, given in answers.items():
                found = entries(given[number], 0)
                columns[name] = [e for e in found if e["score"] >= SHOWN]
            rows.append((batch["image"][0], columns))
        names, colours = self.card["class_names"], self.card["colours"]
        write_detections(rows, names, colours, path)
        return path


class _Again:
    """Batches that can be gone through again.

    Args:
        begin: Function that returns an iterator of tuples, of which the first entry is
            the batch.
    """

    def __init__(self, begin):
        self.begin = begin

    def __iter__(self):
        return (batch for (batch,) in self.begin())


class _SearchBefore:
    """An augmentation, or none, of samples to which regions are added first."""

    def __init__(self, search, augmentation):
        self.search, self.augmentation = search, augmentation
        self.crop_size = getattr(augmentation, "crop_size", None)
        self.mosaic = getattr(augmentation, "mosaic", 0)
        self.sizes = getattr(augmentation, "sizes", None)
        self.of_batch = getattr(augmentation, "of_batch", None)

    def __call__(self, sample, seed):
        sample = self.search(sample)
        if self.augmentation is None:
            return sample
        return self.augmentation(sample, seed)


def _is_full(answer, image):
    return bool(answer["num_detections"][image] == len(answer["boxes"][image]))


def _resized_mask(mask, size):
    return (resized(mask[..., None] * 255, size)[..., 0] > 127).astype("uint8")
