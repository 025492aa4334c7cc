from tfrecvis.models import Spec


def test_open_axes_of_a_spec_have_no_size_until_they_are_bound():
    spec = Spec(("batch", "height", "width", 3), "uint8", image=True)
    assert spec.shape == (None, None, None, 3)
    bound = spec.bound({"height": 4, "depth": 9})
    assert bound == Spec(("batch", 4, "width", 3), "uint8", image=True)
    assert spec.axes == ("batch", "height", "width", 3)
