import pytest

from tfrecvis.models import LRCN, SequenceTagger, backbone_of
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.runs.optimizer import build_optimizer
from tfrecvis.tools.runs.recipe import read_recipe

WORDS = ["", "[UNK]", "[start]", "[end]", "dog"]


def test_backbone_learns_at_its_share_and_its_biases_do_not_decay(recipe):
    training = read_recipe(recipe)["training"]
    sizes = {"backbone_filters": (4,), "backbone_blocks": (0,), "units": 4}
    model = LRCN(WORDS, **sizes, embedding_size=4)
    optimizer = build_optimizer(training, 3, model)
    optimizer.build(model.trainable_variables)
    backbone = backbone_of(model).trainable_variables
    assert optimizer.share == training["backbone_learning_rate"] == 0.5
    assert optimizer.paths == [variable.path for variable in backbone]
    decays = [
        v.name for v in model.trainable_variables if optimizer._use_weight_decay(v)
    ]
    assert decays and not {"bias", "gamma", "beta"} & set(decays)


def test_share_of_a_backbone_that_is_not_there_is_an_error(recipe):
    training = read_recipe(recipe)["training"]
    with pytest.raises(
        UserError, match="backbone_learning_rate is 0.5. .* no backbone"
    ):
        build_optimizer(training, 3, SequenceTagger(5, units=4, depth=1))
