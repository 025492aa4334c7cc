"""What the segmentation scores have in common, as tests that their files inherit."""

import keras
import numpy as np
import pytest
from reference.segmentation_metrics import confusion_matrix

K = 4
SHAPE = (2, 5, 7)


def random_case(seed=0, classes=K):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, SHAPE)
    labels[rng.random(SHAPE) < 0.2] = 255
    return labels, rng.normal(size=(*SHAPE, K)).astype("float32")


class SegmentationScore:
    """A score of the confusion matrix, over all pixels that are not void.

    Attributes:
        metric: The class.
        expected: Function of the confusion matrix, the score in NumPy.
        four_pixels: The score of labels 0, 0, 1, 1 read as 0, 0, 1, 0.
    """

    def test_score_matches_the_numpy_loop_over_two_batches(self):
        metric, matrix = self.metric(K), 0
        for seed in (0, 1):
            labels, logits = random_case(seed)
            metric.update_state(labels, logits)
            matrix = matrix + confusion_matrix(labels, logits.argmax(-1), K)
        result = float(metric.result())
        np.testing.assert_allclose(result, self.expected(matrix), atol=1e-6)
        np.testing.assert_array_equal(metric.counts(), matrix)

    def test_class_absent_from_labels_and_predictions_is_left_out(self):
        # K = 4, but only classes 0 and 1 occur: a mean over 4 would be half of this.
        labels = np.array([[0, 0, 1, 1]])
        predictions = np.array([[0, 0, 1, 0]])
        metric = self.metric(K)
        metric.update_state(labels, predictions)
        np.testing.assert_allclose(float(metric.result()), self.four_pixels, atol=1e-6)
        matrix = confusion_matrix(labels, predictions, K)
        np.testing.assert_allclose(self.expected(matrix), self.four_pixels)

    def test_result_is_zero_before_the_first_pixel_and_after_a_void_batch(self):
        metric = self.metric(K)
        assert float(metric.result()) == 0
        metric.update_state(np.full((1, 2, 2), 255), np.zeros((1, 2, 2), "int32"))
        assert float(metric.result()) == 0

    @pytest.mark.parametrize("jit_compile", [True, False])
    @pytest.mark.slow
    def test_metric_works_inside_evaluate_with_and_without_xla(self, jit_compile):
        labels, images = random_case()
        model = keras.Sequential(
            [keras.Input((5, 7, K)), keras.layers.Activation("tanh")]
        )
        metric = self.metric(K)
        model.compile(
            loss=lambda y_true, y_pred: keras.ops.mean(y_pred),
            metrics=[metric],
            jit_compile=jit_compile,
        )
        scores = model.evaluate(
            images, labels, batch_size=1, verbose=0, return_dict=True
        )
        matrix = confusion_matrix(labels, images.argmax(-1), K)
        expected = self.expected(matrix)
        np.testing.assert_allclose(scores[metric.name], expected, atol=1e-6)

    def test_config_round_trip_keeps_every_argument(self):
        metric = self.metric(3, void=11, name="score")
        again = type(metric).from_config(metric.get_config())
        assert (again.num_classes, again.void, again.name) == (3, 11, "score")
