import pytest
from layers.causal import CausalLayer
from reference.causal_layers import masked_conv_2d

from tfrecvis.layers import MaskedConv2D

VARIANTS = {
    f"{mask_type}, {colors}, {size}": {
        "kernel_size": size,
        "mask_type": mask_type,
        "num_colors": colors,
    }
    for mask_type in "AB"
    for colors, size in ((1, 3), (3, (3, 5)), (3, 1))
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def options(request):
    return request.param


class TestMaskedConv2D(CausalLayer):
    layer = MaskedConv2D
    loop = staticmethod(masked_conv_2d)
