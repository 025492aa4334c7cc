"""What readers of tensorflow-datasets have in common: the builder and its samples."""

import difflib

import tensorflow as tf

from tfrecvis.data.problems import DataError, Problem, report_problems
from tfrecvis.data.reader import Reader, fits_in_memory, remember
from tfrecvis.optional import optional_import


class TFDSReader(Reader):
    """A reader of a set that tensorflow-datasets can build.

    A subclass calls `open_builder`, then `scan`, then `Reader.__init__`, then `keep`.
    It gives `decode(raw)`: the sample of a raw one as NumPy arrays and None, or None
    and the reason why there is none; `decode_tensors(raw)`, the same for tensors; and
    `encoded`, the names of the features that stay encoded in a raw sample.
    """

    encoded = ()

    def open_builder(self, name, split, keys, data_dir, download, builder):
        """Sets the builder and checks it.

        Args:
            name, split, data_dir, download, builder: As the readers have them.
            keys: Dict of the names of arguments to the features that they name.
        """
        self.split = split
        self._builder = builder or _builder(name, data_dir)
        self.name = name or self._builder.info.full_name
        self._keys = keys
        self._check_features()
        self._check_prepared(download)
        self.where = f"{self.name}, split {split}"

    def scan(self, strict, cache_bytes):
        """Decodes every sample once.

        Returns:
            A generator of the samples that can be used; the others are reported when
            it ends.
        """
        usable, problems = [], []
        sizes, self._held = [], []
        try:
            raws = self._raw()
        except ValueError as error:  # such as a slice that no sample falls into
            raise ValueError(f"There is no sample in {self.where}. {error}") from error
        for raw in raws.as_numpy_iterator():
            sample, reason = self.decode(raw)
            usable.append(not reason)
            if reason:
                problems.append(Problem(raw["tfds_id"].decode(), reason))
                continue
            sizes.append(sample["image"].shape[:2])
            if self._held is not None:
                self._held.append(sample)
                if not fits_in_memory(sizes, cache_bytes):
                    self._held = None
            yield sample
        if not usable:
            raise ValueError(f"There is no sample in {self.where}.")
        report_problems(problems, len(usable), self.where, strict)
        self._usable, self._problems, self._sizes = usable, problems, sizes

    def keep(self):
        """Keeps what fits in memory; `Reader.__init__` must have been called."""
        self.problems, self.sizes = self._problems, self._sizes
        if self._held is None:
            self.load = None  # no random access
        else:
            remember(self, self._held)

    def samples(self):
        if self.memory is not None:
            return super().samples()
        usable = tf.constant(self._usable)
        raws = self._raw().enumerate().filter(lambda number, _: usable[number])
        dataset = raws.map(
            lambda _, raw: self.decode_tensors(raw), num_parallel_calls=tf.data.AUTOTUNE
        )
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _raw(self):
        """Undecoded samples, in the order of their files."""
        import tensorflow_datasets as tfds

        features = self._builder.info.features
        encoded = {
            key: tfds.decode.SkipDecoding()
            for key in self.encoded
            if isinstance(features[key], tfds.features.Image)
        }
        dataset = self._builder.as_dataset(
            split=self.split,
            shuffle_files=False,
            decoders=encoded,
            read_config=tfds.ReadConfig(add_tfds_id=True, try_autocache=False),
        )
        wanted = (*self._keys.values(), "tfds_id")
        return dataset.map(lambda sample: {key: sample[key] for key in wanted})

    def _check_features(self):
        features = list(self._builder.info.features)
        for argument, key in self._keys.items():
            if key not in features:
                raise ValueError(
                    f"{self.name} has no feature {key!r}. Pass one of {features} as "
                    f"`{argument}`."
                )

    def _check_prepared(self, download):
        if not self._builder.is_prepared():
            if not download:
                raise DataError(
                    f"{self.name} is not prepared in {self._builder.data_dir}.",
                    "Pass download=True to download and prepare it, or the `data_dir` "
                    "where it lies.",
                )
            self._builder.download_and_prepare()
        splits = list(self._builder.info.splits)
        if self.split.split("[")[0] not in splits and "+" not in self.split:
            raise ValueError(
                f"{self.name} has no split {self.split!r}. Splits: {splits}."
            )


def _builder(name, data_dir):
    tfds = optional_import(
        "tensorflow_datasets", extra="data", what="Sets of tensorflow-datasets"
    )
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name, known, n=3)
        raise DataError(
            f"tensorflow-datasets has no set {name!r}.",
            f"Did you mean {' or '.join(near)}?" if near else "Check its name.",
        ) from error
