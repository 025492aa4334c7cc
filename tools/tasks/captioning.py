"""Captioning: a model says in a sentence what an image shows.

[model] holds `class`, the name of a captioner of `tfrecvis.models` (default
"ShowAndTell"), its arguments, and `blind`: with true the model is shown black images
only, in training and after, and what it reaches then is what words give without images.
[data] and [augmentation] are those of `tfrecvis.tools.reader_task`, with the readers
"captions" (`tfrecvis.data.CaptionFolder`), "coco_captions" (`COCOCaptions`), "flickr"
(`FlickrCaptions`), "synthetic" (`SyntheticCaptions`) and "tfds" (`CaptionTFDS`). Keys
of [text]:

    least_count    default 5, how often a word must occur in training to be known
    most           the most words that are known, the most frequent ones; default: all
    max_steps      default 20, words of the longest sentence; longer ones are cut

Keys of [search], which is that of `tfrecvis.ops.beam_search`:

    beam_width     default 3
    length_power   default 0.0, above 0 for longer sentences

Keys of [training] besides those of every task, for a second stage after `fit` that goes
on with the best model, on CIDEr; see `tfrecvis.models.captioning.fit_self_critical`:

    cider_epochs          default 0, which leaves it out; the epoch that is kept is
                          the best one, or none
    cider_learning_rate   default 5e-5, that of Adam

Scores are those of `tfrecvis.tools.caption_scores`; METEOR is one of `evaluate` only.
"""

from pathlib import Path

from tfrecvis.tools.caption_scores import caption_scores
from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.files import write_json
from tfrecvis.tools.photos import TakesPhotos
from tfrecvis.tools.reader_task import ReaderTask, Together
from tfrecvis.tools.runs.recipe import apply_table
from tfrecvis.tools.runs.recipe_keys import Key

# Names in `tfrecvis.models`, and whether they answer with attention.
CAPTIONERS = {
    "ShowAndTell": False,
    "ShowAttendTell": True,
    "DeepImageSent": False,
    "LRCN": False,
    "ContextualCaptioner": False,
}
_TITLES = {
    "bleu1": "BLEU-1",
    "bleu2": "BLEU-2",
    "bleu3": "BLEU-3",
    "bleu4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
    "meteor": "METEOR",
}


class Captioning(TakesPhotos, ReaderTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"cider": "CIDEr", "bleu4": "BLEU-4"}
    scores_answers = True
    readers = {
        "captions": "CaptionFolder",
        "coco_captions": "COCOCaptions",
        "flickr": "FlickrCaptions",
        "synthetic": "SyntheticCaptions",
        "tfds": "CaptionTFDS",
    }
    drawn = ("synthetic",)
    tables = ("augmentation", "text", "search")
    model_keys = ("class", "blind")
    training_keys = {
        "cider_epochs": Key(0, "of self-critical training on CIDEr, after the others"),
        "cider_learning_rate": Key(5e-5, "of these epochs", positive=True),
    }
    vocabulary = None  # that of the training split, or of the card

    def __init__(self, recipe, card=None):
        super().__init__(recipe, card)
        arguments = dict(recipe["model"])
        self.model_class = arguments.pop("class", "ShowAndTell")
        self.blind = arguments.pop("blind", False)
        if self.model_class not in CAPTIONERS:
            names = list(CAPTIONERS)
            raise UserError(
                f"model.class must be one of {', '.join(names)}. Received: "
                f"{self.model_class!r}. {nearest(str(self.model_class), names)}"
            )
        if self.blind not in (True, False):
            raise UserError(f"model.blind is true or false. Received: {self.blind!r}.")
        self.arguments = arguments
        self.files = ("_caption.json",)
        if CAPTIONERS[self.model_class]:
            self.files += ("_attention.png",)
        self.text = apply_table(recipe, "text", _text)
        self.search = apply_table(recipe, "search", _search)

    def open(self, strict=False):
        flips = self.recipe.get("augmentation", {}).get("flip", False)
        if flips and self.recipe["data"].get("reader") == "synthetic":
            raise UserError(
                "augmentation.flip makes what the synthetic captions say of left and "
                "right wrong. Leave it out."
            )
        super().open(strict)
        from tfrecvis.data import Vocabulary

        texts = (text for captions in self.reader.captions for text in captions)
        sizes = {key: self.text[key] for key in ("least_count", "most")}
        try:
            self.vocabulary = Vocabulary.of(texts, **sizes)
        except ValueError as error:
            raise UserError(f"[text] is wrong: {error}") from error
        self.description += f", {len(self.vocabulary)} words"

    def sidecar(self):
        from tfrecvis.data.vocabulary import TOKENIZER

        size = super().sidecar()["image_size"]
        words = self.vocabulary.words
        return {"words": words, "tokenizer": TOKENIZER, "image_size": size}

    def example(self, batch):
        tokens = self.vocabulary.tokens(batch["captions"], self.text["max_steps"])
        return {"images": self._seen(batch["image"]), "tokens": tokens}, tokens

    def _seen(self, images):
        return images * 0 if self.blind else images

    def model(self):
        from tfrecvis import models

        builder = getattr(models, self.model_class)
        recipe = {**self.recipe, "model": self.arguments}
        model = apply_table(recipe, "model", builder, self.vocabulary.words)
        try:
            self.signatures(model)
        except ValueError as error:
            raise UserError(f"[search] or [text] is wrong: {error}") from error
        return model

    def objective(self):
        from tfrecvis.losses import CaptionCrossEntropy
        from tfrecvis.metrics import Perplexity, WordAccuracy

        return {
            "loss": CaptionCrossEntropy(),
            "metrics": [Perplexity(), WordAccuracy()],
        }

    @property
    def last_stage(self):
        return self._self_critical if self.training["cider_epochs"] else None

    def _self_critical(self, model, scores):
        import keras

        from tfrecvis.models import captioning

        cider = captioning.CIDErD([_clean(own) for own in self.reader.captions])
        optimizer = keras.optimizers.Adam(self.training["cider_learning_rate"])
        best, weights = scores()["cider"], model.get_weights()
        for epoch in range(self.training["cider_epochs"]):
            # Other epochs than those of `fit`.
            seed = self.training["epochs"] + epoch
            means = captioning.fit_self_critical(
                model,
                self._with_references(seed),
                cider.scores,
                optimizer,
                self.text["max_steps"],
                seed,
            )
            reached = scores()["cider"]
            print(
                f"on CIDEr, epoch {epoch + 1}/{self.training['cider_epochs']}: "
                f"{means['sampled']:.3f} of drawn captions, {means['greedy']:.3f} of "
                f"the likeliest, val {reached:.3f} (best until then {best:.3f})",
                flush=True,
            )
            if reached > best:
                best, weights = reached, model.get_weights()
        model.set_weights(weights)

    def _with_references(self, epoch):
        """The training split as `fit_self_critical` takes it."""
        batches = self._batches(
            self.reader,
            self.augmentation,
            example=lambda batch: (self._seen(batch["image"]), batch["captions"]),
            seed=self.training["seed"],
            first_epoch=epoch,
            epochs=1,
            drop_remainder=self.drop_remainder,
            steps=self.training["steps"] or None,
        )
        for images, captions in batches.as_numpy_iterator():
            yield images, [_clean(references_of(own)) for own in captions]

    def signatures(self, model):
        from tfrecvis.models import captioning

        if list(self.card["words"]) != captioning.words_of(model):
            raise ValueError("the words of the card are not those of the model")
        steps = self.text["max_steps"]
        found = captioning.signatures(model, **self.search, max_steps=steps)
        self._signatures = found
        return found

    def inputs(self, batch):
        return {"images": self._seen(batch["image"])}

    def examples(self, path, size):
        from tfrecvis.models import captioning

        images = super().examples(path, size)["images"]
        return captioning.export_examples(self._signatures, images)

    # From batches to answers.

    def evaluation(self, split, strict=False, data=None):
        one_by_one = super().evaluation(split, strict, data)
        if len(set(map(tuple, one_by_one.reader.sizes))) > 1:
            return one_by_one
        return Together(one_by_one.reader)

    def score(self, pairs, meteor=False):
        said, images = [], []
        for batch, answer in pairs:
            said += self._sentences(answer)
            images += zip(batch["file"], batch["captions"], strict=True)
        references = [references_of(captions) for _, captions in images]
        result = caption_scores(list(zip(references, said, strict=True)), meteor)
        files = [file.decode() for file, _ in images]
        self._said = coco_results(files, said)
        counted = {"images": len(said), "different_captions": len(set(said))}
        return {**result, **counted}

    def full_score(self, pairs):
        return self.score(pairs, meteor=True)

    def _sentences(self, answer):
        from tfrecvis.data import Vocabulary

        if self.vocabulary is None:
            self.vocabulary = Vocabulary(self.card["words"])
        return self.vocabulary.sentences(answer["tokens"])

    def table(self, result):
        scores = [
            f"{title:8} {result[name]:.4f}"
            for name, title in _TITLES.items()
            if name in result
        ]
        return "\n".join(
            [
                *scores,
                f"{result['different_captions']} different captions of "
                f"{result['images']} images; tokenizer: {result['tokenizer']}",
            ]
        )

    def draw_scores(self, result, heading, directory):
        path = directory / "captions.json"
        write_json(path, self._said)
        return [path]

    def write(self, batch, answer, stem):
        (said,) = self._sentences(answer)
        captions, *pictures = (Path(f"{stem}{ending}") for ending in self.files)
        found = coco_results([stem.name], [said])
        found[0]["score"] = float(answer["scores"][0])
        write_json(captions, found)
        for picture in pictures:
            from tfrecvis.tools.pictures.captions import write_attention

            maps = answer["attention"][0]
            write_attention(batch["image"][0], said.split(), maps, picture)
        return said

    def compare(self, batches, answers, path):
        from tfrecvis.tools.pictures.captions import write_captions

        rows = []
        for number, batch in enumerate(batches):
            columns = {"references": references_of(batch["captions"][0])}
            for name, given in answers.items():
                columns[name] = self._sentences(given[number])[:1]
            rows.append((batch["image"][0], columns))
        write_captions(rows, path)
        return path


def _clean(sentences):
    """Sentences as `Vocabulary` splits them, those without a word left out."""
    from tfrecvis.data.vocabulary import split_words

    return [" ".join(words) for words in split_words(sentences) if words]


def _text(least_count=5, most=None, max_steps=20):
    from tfrecvis.ops.checks import check_integer

    check_integer("least_count", least_count)
    check_integer("max_steps", max_steps)
    return {"least_count": least_count, "most": most, "max_steps": max_steps}


def _search(beam_width=3, length_power=0.0):
    return {"beam_width": beam_width, "length_power": length_power}


def references_of(captions):
    """The sentences among the captions of a batch's entry, which padding fills up.

    Example:

    >>> references_of([b"a dog", b""])
    ['a dog']
    """
    return [caption.decode() for caption in captions if caption]


def coco_results(files, sentences):
    """Captions as COCO's results: a file's number, or its name without folder and end.

    Example:

    >>> coco_results(["val/000000000139.jpg", "a.png"], ["a dog", "a cat"])
    [{'image_id': 139, 'caption': 'a dog'}, {'image_id': 'a', 'caption': 'a cat'}]
    """
    found = []
    for file, sentence in zip(files, sentences, strict=True):
        name = Path(file).stem
        number = int(name) if name.isdecimal() else name
        found.append({"image_id": number, "caption": sentence})
    return found
