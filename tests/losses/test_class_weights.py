import pytest

from tfrecvis.losses import median_frequency_weights


def test_weights_are_the_median_over_each_frequency():
    # Frequencies .5 .3 .2, median .3.
    weights = median_frequency_weights([50, 30, 20])
    assert weights == pytest.approx([0.6, 1.0, 1.5])


def test_image_pixels_make_frequencies_those_of_the_images_that_show_the_class():
    # Frequencies 50/100, 30/60, 20/80 = .5 .5 .25, median .5.
    weights = median_frequency_weights([50, 30, 20], image_pixels=[100, 60, 80])
    assert weights == pytest.approx([1.0, 1.0, 2.0])


def test_class_without_a_pixel_weighs_one_and_does_not_move_the_median():
    weights = median_frequency_weights([50, 30, 20, 0, 0])
    assert weights == pytest.approx([0.6, 1.0, 1.5, 1.0, 1.0])


def test_power_of_a_half_takes_the_root():
    weights = median_frequency_weights([75, 25 / 2, 25 / 2], power=0.5)
    assert weights == pytest.approx([(1 / 6) ** 0.5, 1.0, 1.0])


@pytest.mark.parametrize("counts", [[0, 0], [-1, 2], [[1, 2]], []])
def test_counts_without_a_pixel_are_refused(counts):
    with pytest.raises(ValueError, match="not all zero"):
        median_frequency_weights(counts)


def test_power_above_one_is_refused():
    with pytest.raises(ValueError, match="`power` must lie in"):
        median_frequency_weights([1, 2], power=2)


def test_image_pixels_below_the_count_are_refused():
    with pytest.raises(ValueError, match="at least as large as its count"):
        median_frequency_weights([5, 2], image_pixels=[4, 4])
