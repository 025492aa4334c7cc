"""Convolutional feature extractors, cut where a recurrent layer takes over."""

import os
from numbers import Integral

import keras
from keras import layers

# name -> (Keras Applications class, scaling, stride of the first output, names of the
# outputs: each has half the resolution of the one before, the last is the feature map)
_APPLICATIONS = {
    "vgg16": ("VGG16", "caffe", 2, ("block2_conv2", "block3_conv3")),
    "resnet50v2": (
        "ResNet50V2",
        "symmetric",
        4,
        ("conv2_block3_1_relu", "conv3_block4_1_relu"),
    ),
    "mobilenetv3small": (
        "MobileNetV3Small",
        "symmetric",
        4,
        ("expanded_conv_project_bn", "expanded_conv_2_add", "expanded_conv_7_add"),
    ),
    "mobilenetv3large": (
        "MobileNetV3Large",
        "symmetric",
        2,
        (
            "expanded_conv_add",
            "expanded_conv_2_add",
            "expanded_conv_5_add",
            "expanded_conv_11_add",
        ),
    ),
}

BACKBONES = ("conv", *_APPLICATIONS)


def conv_norm(maps, filters, kernel_size=3, strides=1, activation="relu", name=None):
    """Convolution without bias, batch normalisation, activation.

    Args:
        maps: Tensor `(batch, height, width, channels)`.
        filters: Positive integer, channels of the output.
        kernel_size: Positive integer, pixels.
        strides: Positive integer, pixels.
        activation: Name of a Keras activation, or None.
        name: String, prefix of the layers' names.

    Returns:
        Tensor `(batch, height / strides, width / strides, filters)`.

    Example:

    >>> conv_norm(keras.Input((8, 8, 3)), 4, strides=2, name="stem").shape
    (None, 4, 4, 4)
    """
    maps = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(maps)
    maps = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(maps)
    if activation is None:
        return maps
    return layers.Activation(activation, name=f"{name}_{activation}")(maps)


def image_input(input_shape):
    """The Keras input `images` of a model of colour photos.

    Args:
        input_shape: `(height, width, 3)`; None for a size that varies.

    Raises:
        ValueError: It is of another form.

    Example:

    >>> image_input((None, 64, 3)).shape
    (None, None, 64, 3)
    """
    fits = isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
    if fits:
        *sizes, channels = input_shape
        fits = channels == 3 and all(
            size is None or (isinstance(size, Integral) and size > 0) for size in sizes
        )
    if not fits:
        raise ValueError(
            "`input_shape` must be (height, width, 3) without the batch axis, height "
            "and width positive, or None where they vary. Received: "
            f"input_shape={input_shape!r}. For images of any size, use (None, None, 3)."
        )
    return keras.Input(input_shape, name="images")


def _conv_backbone(filters, blocks):
    images = keras.Input((None, None, 3), name="images")
    maps, outputs = images, []
    for stage, (width, depth) in enumerate(zip(filters, blocks, strict=True), 1):
        maps = conv_norm(maps, width, strides=2, name=f"stage{stage}_down")
        for block in range(1, depth + 1):
            name = f"stage{stage}_block{block}"
            y = conv_norm(maps, width, name=f"{name}_1")
            y = conv_norm(y, width, activation=None, name=f"{name}_2")
            maps = layers.Add(name=f"{name}_add")([maps, y])
            maps = layers.Activation("relu", name=f"{name}_relu")(maps)
        outputs.append(maps)
    return keras.Model(images, outputs, name="conv")


def _application(name, weights):
    application, _, _, outputs = _APPLICATIONS[name]
    options = {"include_preprocessing": False} if "Mobile" in application else {}
    whole = getattr(keras.applications, application)(
        include_top=False,
        weights=weights if weights == "imagenet" else None,
        input_shape=(None, None, 3),
        **options,
    )
    return whole, [whole.get_layer(output).output for output in outputs]


def _check_filters(filters, blocks):
    if (
        not all(isinstance(x, (tuple, list)) for x in (filters, blocks))
        or not filters
        or len(filters) != len(blocks)
        or any(not isinstance(f, Integral) or f < 1 for f in filters)
        or any(not isinstance(b, Integral) or b < 0 for b in blocks)
    ):
        raise ValueError(
            "`backbone_filters` and `backbone_blocks` must name one positive and one "
            "non-negative integer for each stage. Received: backbone_filters="
            f"{filters!r}, backbone_blocks={blocks!r}. Write, for instance, "
            "backbone_filters=(32, 64, 96), backbone_blocks=(0, 1, 1)."
        )


def _check_weights(name, weights):
    if weights is None:
        return
    if name == "conv" and weights == "imagenet":
        raise ValueError(
            'The backbone "conv" has no pretrained weights. Received: '
            'weights="imagenet". Use weights=None, a path to weights that you saved, '
            f"or one of the backbones {', '.join(_APPLICATIONS)}."
        )
    if weights != "imagenet" and not os.path.isfile(weights):
        raise ValueError(
            '`weights` must be None, "imagenet" or the path of a weights file. '
            f"Received: weights={weights!r}, where there is no file. Check the path, "
            "or use weights=None for random weights."
        )


def build_backbone(
    name="conv",
    weights=None,
    backbone_filters=(32, 64, 96),
    backbone_blocks=(0, 1, 1),
):
    """The backbone called `name`, as a model with one output for each resolution.

    | name | cut at | stride |
    | --- | --- | --- |
    | `conv` | the last of `backbone_filters`; trained from scratch | 2 for each stage |
    | `vgg16` | conv3_3, as in ReSeg | 4 |
    | `resnet50v2` | conv3_block4_1_relu | 8 |
    | `mobilenetv3small`, `mobilenetv3large` | the last block of stride 16 | 16 |

    Args:
        name: One of `BACKBONES`.
        weights: None (random), `"imagenet"`, or the path of a weights file that
            `save_weights` wrote for the Keras application of that name without its
            top (for `conv`: for this backbone).
        backbone_filters: Tuple of integers, channels of each stage of `conv`.
        backbone_blocks: Tuple of integers, residual blocks in each stage of `conv`.

    Returns:
        `(model, strides, scaling)`: the model takes scaled images and returns a list of
        feature maps, the finest first; `strides` holds the stride of each; `scaling` is
        the mode of `ScaleImages` that the backbone expects.

    Raises:
        ValueError: the name is unknown, the weights do not exist, or the stages of
            `conv` do not fit each other.

    Example:

    >>> model, strides, scaling = build_backbone("conv")
    >>> strides, scaling, [output.shape[-1] for output in model.outputs]
    ((2, 4, 8), 'symmetric', [32, 64, 96])
    """
    if name not in BACKBONES:
        raise ValueError(
            f"`backbone` must be one of {', '.join(BACKBONES)}. Received: "
            f"backbone={name!r}. Choose one of them."
        )
    _check_weights(name, weights)
    if name == "conv":
        _check_filters(backbone_filters, backbone_blocks)
        model = _conv_backbone(backbone_filters, backbone_blocks)
        if weights is not None:
            model.load_weights(weights)
        strides = tuple(2**stage for stage in range(1, len(backbone_filters) + 1))
        return model, strides, "symmetric"
    whole, outputs = _application(name, weights)
    if weights not in (None, "imagenet"):
        whole.load_weights(weights)
    _, scaling, first, _ = _APPLICATIONS[name]
    strides = tuple(first * 2**index for index in range(len(outputs)))
    return keras.Model(whole.input, outputs, name=name), strides, scaling


def backbone_of(model):
    """The backbone of a model, a Keras model itself, however deep it lies.

    Raises:
        ValueError: the model has none.

    Example:

    >>> from tfrecvis.models import YOLOv2
    >>> model = YOLOv2(3, [(9, 9)], backbone_filters=(8, 8), backbone_blocks=(0, 0))
    >>> backbone_of(model).name
    'conv'
    """
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    while inside:
        found = inside.pop(0)
        if found.name in BACKBONES:
            return found
        inside += [layer for layer in found.layers if isinstance(layer, keras.Model)]
    raise ValueError(
        f"The model {model.name!r} has no backbone. Models of `tfrecvis.models` for "
        "images have one, as `build_backbone` makes it."
    )
