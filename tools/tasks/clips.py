"""Clips: every sequence of frames gets a class, such as an activity.

[model] holds the arguments of `tfrecvis.models.ClipClassifier`; [data] is that of
`tfrecvis.tools.reader_task`, with the reader "synthetic"
(`tfrecvis.data.SyntheticClips`). Each frame is trained to name its clip.

`predict` takes video files and folders of frames. Of a clip that is longer than those
of the training, it sees as many frames as the longest of these has, evenly spaced.
"""

from functools import partial
from pathlib import Path

import numpy as np

from tfrecvis.tools.files import find_files
from tfrecvis.tools.photos import resized
from tfrecvis.tools.reader_task import ReaderTask, Together
from tfrecvis.tools.runs.recipe import apply_table
from tfrecvis.tools.video import VIDEO_SUFFIXES, Video


class Clips(ReaderTask):
    """See `tfrecvis.tools.task.Task`."""

    scores_answers = True
    readers = {"synthetic": "SyntheticClips"}
    drawn = ("synthetic",)
    tables = ()
    model_class = "ClipClassifier"
    whole_videos = True
    unit = "clips"

    def model(self):
        from tfrecvis.models import ClipClassifier

        size = (*self.reader.sizes[0], 3)
        classifier = partial(ClipClassifier, input_shape=size)
        return apply_table(
            self.recipe,
            "model",
            classifier,
            self.reader.num_classes,
            hidden=["input_shape"],
        )

    def objective(self):
        import keras

        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        return {"loss": loss}

    def example(self, batch):
        import tensorflow as tf

        clips = batch["clip"]
        real = tf.reduce_any(clips != 0, [2, 3, 4])
        classes = tf.repeat(batch["class"][:, None], tf.shape(clips)[1], 1)
        return clips, classes, tf.cast(real, tf.float32)

    def signatures(self, model):
        from tfrecvis.models import clips

        return clips.signatures(model)

    def sidecar(self):
        return {**super().sidecar(), "frames": self.reader.frames}

    # From batches to answers.

    def evaluation(self, split, strict=False, data=None):
        return Together(super().evaluation(split, strict, data).reader)

    def inputs(self, batch):
        return {"clips": batch["clip"]}

    def score(self, pairs):
        right = [answer["labels"] == batch["class"] for batch, answer in pairs]
        return {"accuracy": float(np.concatenate(right).mean())}

    # Files in, files out.

    def find_inputs(self, paths):
        """Videos, and folders that hold frames, which are one clip each."""
        from tfrecvis.data import IMAGE_SUFFIXES

        found = []
        suffixes = (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)
        for path in map(Path, paths):
            for file, relative in find_files([path], suffixes, "no video or frame"):
                if path.is_dir() and file.suffix.lower() in IMAGE_SUFFIXES:
                    inside = relative.parent
                    own = Path(path.resolve().name)
                    found.append((file.parent, own if inside == Path() else inside))
                else:
                    found.append((file, relative))
        return list(dict.fromkeys(found))

    def read_input(self, file):
        from tfrecvis.data import IMAGE_SUFFIXES

        if file.is_dir():
            frames = list(_frames(file))
        elif file.suffix.lower() in IMAGE_SUFFIXES:
            raise ValueError("is an image; a clip is a video or a folder of frames")
        else:
            frames = Video(file)
        size = self.card["image_size"]
        frames = [resized(frame, size) for frame in frames]
        count = min(len(frames), self.card["frames"])
        chosen = [frames[number * len(frames) // count] for number in range(count)]
        # Filled up, for files that take so many frames and no fewer.
        clip = np.zeros((1, self.card["frames"], *size, 3), "uint8")
        clip[0, :count] = chosen
        return {"clip": clip}

    def write(self, batch, answer, stem):
        super().write(batch, answer, stem)
        label = int(answer["labels"][0])
        share = answer["probabilities"][0, label]
        return f"{self.card['class_names'][label]} ({share:.3f})"


def _frames(folder):
    """The images of a folder, in the order of their names."""
    from tfrecvis.data import IMAGE_SUFFIXES, read_image

    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in IMAGE_SUFFIXES:
            try:
                yield read_image(file)
            except ValueError as error:
                raise ValueError(f"{file.name}: {error}") from error
