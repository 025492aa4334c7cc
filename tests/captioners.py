"""What every model that says captions does."""

import os
import subprocess
import sys

import captions
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.export import export_model, load_artefact
from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.models import captioning

SMALL = {"backbone_filters": (8, 16), "backbone_blocks": (0, 0), "dropout": 0.0}
SMALL |= {"units": 24, "embedding_size": 16}
RAGGED = {"images": np.zeros((2, 13, 9, 3)), "tokens": np.ones((2, 3, 4), "int32")}

# Arguments: the folder of the model and of its batch, and the most words.
JAX = """
import sys
import jax, keras, numpy as np
from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.models import captioning

assert keras.backend.backend() == "jax"
folder, steps = sys.argv[1:]
batch = dict(np.load(f"{folder}/batch.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
signature = captioning.signatures(model, max_steps=int(steps))[0]
answer = jax.jit(lambda images: signature(images=images))(batch["images"])
model.compile(keras.optimizers.SGD(0.1), CaptionCrossEntropy())
history = model.fit(batch, batch["tokens"], 16, verbose=0)
weights = {str(n): np.asarray(w) for n, w in enumerate(model.trainable_weights)}
np.savez(f"{folder}/jax.npz", loss=history.history["loss"], **answer, **weights)
"""


def numpy(answer):
    return {name: keras.ops.convert_to_numpy(value) for name, value in answer.items()}


class Captioners:
    """Tests of a model: subclasses give `builder`, and what else it needs."""

    arguments = {}
    epochs, rate = 60, 0.01
    draws = False  # whether a step of training draws numbers

    @classmethod
    def build(cls, **changes):
        builder = cls.__dict__["builder"]
        return builder(**{"words": captions.WORDS, **SMALL, **cls.arguments, **changes})

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        keras.utils.set_random_seed(1)
        model = cls.build()
        cls.history = captions.learn_by_heart(model, cls.epochs, cls.rate)
        return model

    @pytest.fixture(scope="class")
    @classmethod
    def answers(cls, model):
        images, _ = captions.photos()
        signatures = captioning.signatures(model, max_steps=captions.STEPS)
        return {
            signature.name: numpy(signature(images=images))
            for signature in signatures
            if signature.name != "step"
        }

    def test_sixteen_images_get_their_captions_back_word_for_word(self, answers):
        answer, sentences = answers["serving_default"], captions.photos()[1]
        assert captions.said(answer["tokens"]) == sentences
        expected = [len(text.split()) for text in sentences]
        assert answer["lengths"].tolist() == expected
        said = [text.decode() for text in answers["captions"]["captions"].tolist()]
        assert said == sentences

    def test_score_is_the_likelihood_of_the_sentence(self, model, answers):
        images, sentences = captions.photos()
        tokens = captions.tokens_of(sentences)
        logits = model({"images": images.astype("float32"), "tokens": tokens[:, None]})
        logits = keras.ops.convert_to_numpy(logits)[:, 0].astype("float64")
        logits[..., 1] = -1e4  # the unknown word is never said
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        logs = np.take_along_axis(logs, tokens[..., None], -1)[..., 0]
        expected = (logs * (tokens > 0)).sum(-1)
        found = answers["serving_default"]["scores"]
        np.testing.assert_allclose(found, expected, atol=1e-4)

    def test_encode_and_step_say_the_same_word_by_word(self, model, answers):
        signatures = {s.name: s for s in captioning.signatures(model, beam_width=1)}
        images = captions.photos()[0]
        given = numpy(signatures["encode"](images=images))
        last, said = np.full(len(images), 2, "int32"), []
        for _ in range(captions.STEPS):
            after = numpy(signatures["step"](tokens=last, **given))
            last = after.pop("probabilities").argmax(-1).astype("int32")
            given |= {name.removeprefix("next_"): x for name, x in after.items()}
            said.append(last)
        said = np.stack(said, 1)
        ended = np.maximum.accumulate(said == 3, 1)
        expected = answers["serving_default"]["tokens"]
        np.testing.assert_array_equal(np.where(ended, 0, said), expected)

    def test_a_keras_file_says_the_same(self, model, answers, tmp_path):
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert captioning.words_of(loaded) == captions.WORDS
        (signature, *_) = captioning.signatures(loaded, max_steps=captions.STEPS)
        found = numpy(signature(images=captions.photos()[0]))
        expected = answers["serving_default"]
        np.testing.assert_array_equal(found["tokens"], expected["tokens"])

    def test_recurrent_context_takes_images_of_any_size(self):
        model = self.build(context_layers=1, context_units=4)
        assert tuple(model(RAGGED).shape) == (2, 3, 4, len(captions.WORDS))
        assert model.get_layer("encoder").get_layer("context1")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"words": captions.WORDS[:4]}, "at least one word"),
            ({"backbone": "lenet"}, "`backbone` must be"),
            ({"context": "graph"}, "`context` must be"),
            ({"context_layers": -1}, "`context_layers` must be"),
            ({"units": 0}, "`units` must be"),
        ],
    )
    def test_wrong_argument_is_named(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            self.build(**arguments)

    @pytest.mark.slow
    def test_every_export_says_the_same(self, model, exports_here, tmp_path):
        images = captions.photos()[0][::3]
        signatures = captioning.signatures(model, max_steps=captions.STEPS)
        examples = captioning.export_examples(signatures, images)
        card = {"words": captioning.words_of(model)}
        with exports_here():
            report = export_model(signatures, tmp_path / "model", examples, card=card)
        artefacts = report["artefacts"]
        kinds = {"saved_model", "litert_float32", "litert_float16", "litert_int8"}
        assert kinds | {"onnx", "onnx_encode", "onnx_step"} == set(artefacts)
        for artefact in artefacts.values():
            sentences = artefact["signatures"].get("serving_default")
            assert sentences is None or sentences["agreement"] == 1
        for file in ("float32.tflite", "float16.tflite", "int8.tflite"):
            self.check_file(tmp_path / "model" / "1" / f"model_{file}", images)
        self.check_file(tmp_path / "model" / "1" / "model.onnx", images)

    def check_file(self, path, images):
        """A file says sentences by itself: its search, its words, nothing of ours."""
        loaded = load_artefact(path)
        words = loaded.card["words"]
        answer = loaded.predict({"images": images})
        said = [
            " ".join(words[token] for token in row[:length])
            for row, length in zip(answer["tokens"], answer["lengths"], strict=True)
        ]
        assert said == captions.photos()[1][::3]
        if path.suffix == ".onnx":  # which holds one signature per file
            return
        assert {"serving_default", "encode", "step"} <= set(loaded.signatures)
        given = loaded.predict({"images": images}, "encode")
        last = np.full(len(images), 2, "int32")
        after = loaded.predict({"tokens": last, **given}, "step")
        first = after["probabilities"].argmax(-1)
        np.testing.assert_array_equal(first, answer["tokens"][:, 0])

    def sharp(self):
        """A new model whose likeliest words are far from the others; a batch."""
        keras.utils.set_random_seed(4)
        model = self.build()
        kernel = model.get_layer("decoder").word_logits.kernel
        kernel.assign(10 * kernel)
        images, sentences = captions.photos()
        tokens = captions.tokens_of(sentences)[:, None]
        return model, {"images": images.astype("float32"), "tokens": tokens}

    def say_and_train(self, jit_compile):
        """What a search in a graph says, the loss of a step, the weights after it."""
        model, batch = self.sharp()
        (signature, *_) = captioning.signatures(model, max_steps=captions.STEPS)
        say = tf.function(
            lambda images: signature(images=images), jit_compile=jit_compile
        )
        answer = numpy(say(tf.constant(batch["images"])))
        sgd = keras.optimizers.SGD(0.1)
        model.compile(sgd, CaptionCrossEntropy(), jit_compile=jit_compile)
        history = model.fit(batch, batch["tokens"], 16, verbose=0)
        return answer, history.history["loss"], model.trainable_weights

    def check_like(self, found, expected):
        (answer, loss, weights), (wanted, wanted_loss, wanted_weights) = found, expected
        assert answer["lengths"].max() > 1
        np.testing.assert_array_equal(answer["tokens"], wanted["tokens"])
        np.testing.assert_allclose(answer["scores"], wanted["scores"], atol=1e-3)
        assert np.isfinite(loss).all()
        if self.draws:  # other places in each run
            return
        np.testing.assert_allclose(loss, wanted_loss, rtol=1e-4)
        for weight, other in zip(weights, wanted_weights, strict=True):
            np.testing.assert_allclose(weight, other, atol=1e-3)

    @pytest.mark.slow
    def test_xla_says_and_trains_as_without(self):
        self.check_like(self.say_and_train(True), self.say_and_train(False))

    @pytest.mark.slow
    def test_jax_says_and_trains_as_tensorflow(self, tmp_path):
        pytest.importorskip("jax")
        model, batch = self.sharp()
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "batch.npz", **batch)
        done = subprocess.run(
            [sys.executable, "-c", JAX, str(tmp_path), str(captions.STEPS)],
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer = dict(np.load(tmp_path / "jax.npz"))
        weights = [answer.pop(str(n)) for n in range(len(model.trainable_weights))]
        found = answer, answer.pop("loss"), weights
        self.check_like(found, self.say_and_train(False))
