"""Questions: an image and a question about it get an answer in words.

[model] holds the arguments of `answerer`. Keys of [data]:

    reader        "plain", images of one colour
    train_count   default 64, questions
    val_count     default 8
"""

import json
from pathlib import Path

import keras
import numpy as np

from tfrecvis.models import Signature, Spec
from tfrecvis.models.answers import classifier_signature
from tfrecvis.tools.array_task import (
    ArrayTask,
    check_split,
    checked_count,
    split_seed,
)
from tfrecvis.tools.files import find_files, first_line, write_text
from tfrecvis.tools.runs.recipe import apply_table, check_arguments

QUESTIONS = ["what colour is it", "how bright is it"]
ANSWERS = ["red", "green", "blue", "dark", "bright"]
WORDS = ["", *sorted({word for text in QUESTIONS for word in text.split()})]
STEPS = 4


def tokens_of(text):
    """The numbers of a question's words."""
    words = [WORDS.index(word) for word in text.split()]
    return words + [0] * (STEPS - len(words))


def draw(rng, count, size=(6, 7)):
    """A batch of images of one colour, and a question about each."""
    colour, bright, asked = (rng.integers(n, size=count) for n in (3, 2, 2))
    image = np.zeros((count, *size, 3), "uint8")
    image[np.arange(count), :, :, colour] = (80 + 170 * bright)[:, None, None]
    questions = [QUESTIONS[number] for number in asked]
    return {
        "image": image,
        "question": np.array(questions, object),
        "tokens": np.array([tokens_of(text) for text in questions], "int32"),
        "answer": np.where(asked, 3 + bright, colour)[:, None].astype("int32"),
    }


def answerer(num_answers, units=8, sees=True):
    """A model of images and questions; its twin does not see the images."""
    images = keras.Input((None, None, 3), name="images")
    tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
    seen = keras.layers.GlobalAveragePooling2D()(images / 255)
    asked = keras.layers.Flatten()(keras.layers.Embedding(len(WORDS), 4)(tokens))
    x = keras.layers.Concatenate()([seen if sees else 0 * seen, asked])
    x = keras.layers.Dense(units, "relu")(x)
    logits = keras.layers.Dense(num_answers, name="answers")(x)
    return keras.Model([images, tokens], logits)


def answer_in_words(model, images, question):
    """The signature of a server that is asked, and answers, in words."""
    import tensorflow as tf

    words = tf.strings.split(question).to_tensor(shape=[None, STEPS])
    tokens = tf.argmax(words[..., None] == tf.constant(WORDS), -1, tf.int32)
    logits = model([tf.cast(images, "float32"), tokens])
    return {"answer": tf.gather(tf.constant(ANSWERS), tf.argmax(logits, -1))}


class Questions(ArrayTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"right": "right answers"}
    scores_answers = True
    drawn = ("plain",)
    model_class = "answerer"
    files = ("_answer.txt",)
    unit = "questions"

    def prepare(self, data):
        check_arguments("data", data, ["reader", "train_count", "val_count"])
        self.train_count = checked_count(data, "train_count", 64)
        self.val_count = checked_count(data, "val_count", 8)

    def epoch(self, rng):
        for _ in range(self.train_count // self.batch_size):
            yield draw(rng, self.batch_size)

    def split(self, name):
        check_split(name, ("val", "test"))
        yield draw(np.random.default_rng(split_seed(name)), self.val_count)

    def model(self):
        return apply_table(self.recipe, "model", answerer, len(ANSWERS))

    def objective(self):
        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}

    def example(self, batch):
        return (batch["image"], batch["tokens"]), batch["answer"]

    def signatures(self, model):
        images = Spec(("batch", "height", "width", 3), "uint8", image=True)
        inputs = {"images": images, "tokens": Spec(("batch", STEPS), "int32")}
        in_words = Signature(
            "serving_text",
            model,
            answer_in_words,
            {"images": images, "question": Spec(("batch",), "string")},
            {"answer": Spec(("batch",), "string")},
            formats=("saved_model",),
        )
        return [classifier_signature(model, inputs, ("batch",)), in_words]

    def sidecar(self):
        return {"answers": ANSWERS, "image_size": [6, 7]}

    def inputs(self, batch):
        return {
            "images": batch["image"],
            "tokens": batch["tokens"],
            "question": batch["question"],
        }

    def score(self, pairs):
        right = [batch["answer"][:, 0] == answer["labels"] for batch, answer in pairs]
        return {"right": float(np.concatenate(right).mean())}

    def find_inputs(self, paths):
        return find_files(paths, (".json",), "no question")

    def read_input(self, file):
        from tfrecvis.data import read_image

        try:
            asked = json.loads(Path(file).read_text(encoding="utf-8"))
            text, image = asked["question"], Path(file).parent / asked["image"]
            tokens = tokens_of(text)
        except (ValueError, KeyError) as error:
            raise ValueError(f"is no question ({first_line(error)})") from error
        return {
            "image": read_image(image)[None],
            "question": np.array([text], object),
            "tokens": np.array([tokens], "int32"),
        }

    def write(self, batch, answer, stem):
        text = self.card["answers"][int(answer["labels"][0])]
        write_text(f"{stem}{self.files[0]}", f"{text}\n")
        return f"{batch['question'][0]}? {text}"
