"""The rows of the course notes with the entries that build them, and their models' parameter counts."""

from __future__ import annotations

from typing import Any, NamedTuple

# Section, row, and where it is built: kind/entry of the catalog, or a file of cnnlab.
ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Activations", "sigmoid with a slope β", ("activations/sigmoid",)),
    ("Activations", "tangent sigmoid with a slope b", ("activations/tangent-sigmoid",)),
    ("Activations", "step function", ("activations/step",)),
    ("Activations", "linear function", ("activations/linear",)),
    ("Activations", "saturating linear", ("activations/saturating-linear",)),
    ("Activations", "symmetric saturating linear", ("activations/symmetric-saturating-linear",)),
    ("Activations", "ReLU", ("activations/relu", "cnnlab/engine/gradient_norms.py")),
    ("Activations", "softplus", ("activations/softplus",)),
    ("Activations", "maxout, dense", ("layers/maxout", "models/maxout")),
    ("Activations", "maxout, convolutional", ("layers/maxout", "models/maxout-conv")),
    ("Activations", "LeNet's squash", ("activations/squash",)),
    ("Activations", "softmax", ("losses/softmax",)),
    ("Back-propagation", "the four equations and the two phases", ("cnnlab/by_hand/backprop.py",)),
    ("Layers", "convolution; convolution proper by `flip`", ("layers/conv2d", "models/lenet5")),
    ("Layers", "connection table", ("layers/connected-conv2d", "models/lenet5-1998")),
    ("Layers", "temporal convolution", ("layers/conv1d", "models/tdnn", "datasets/waveforms")),
    (
        "Layers",
        "temporal subsampling, pooling over time",
        ("layers/subsample1d", "layers/max-pool1d", "layers/average-pool1d"),
    ),
    ("Layers", "max pooling", ("layers/max-pool2d", "models/lenet5")),
    ("Layers", "min pooling", ("layers/min-pool2d", "models/lenet5")),
    ("Layers", "average pooling", ("layers/average-pool2d", "models/lenet5")),
    ("Layers", "sum pooling", ("layers/sum-pool2d", "models/lenet5")),
    ("Layers", "trainable subsampling", ("layers/subsample", "models/lenet5-1998")),
    ("Layers", "local response normalization", ("layers/local-response-norm", "models/alexnet")),
    ("Layers", "residual block", ("layers/residual", "models/cifar-resnet")),
    ("Layers", "inception block", ("layers/branches", "models/googlenet")),
    ("Layers", "RBF output", ("layers/rbf", "models/lenet5-1998")),
    ("Losses", "multiclass SVM", ("losses/svm",)),
    ("Losses", "softmax loss", ("losses/softmax",)),
    ("Losses", "square, of classes and numbers", ("losses/square", "datasets/rotated")),
    ("Losses", "absolute (L1), of classes and numbers", ("losses/l1", "datasets/rotated")),
    ("Losses", "Huber, of classes and numbers", ("losses/huber", "datasets/rotated")),
    ("Losses", "maximum a posteriori, as in 1998", ("losses/maximum-a-posteriori",)),
    ("Regularization", "L2 in the objective", ("regularizers/l2",)),
    ("Regularization", "L2 outside of the objective", ("regularizers/weight-decay",)),
    ("Regularization", "L1 by subgradient", ("regularizers/l1",)),
    ("Regularization", "L1 by proximal steps", ("regularizers/l1-proximal",)),
    ("Regularization", "max-norm", ("regularizers/max-norm",)),
    ("Regularization", "dropout, the notes' form and the inverted one", ("layers/dropout", "models/mlp")),
    ("Regularization", "batch normalization, both rules of inference", ("layers/batch-norm",)),
    (
        "Optimization",
        "gradient descent, SGD, mini-batches",
        ("optimizers/sgd", "cnnlab/batching/batch_order.py"),
    ),
    ("Optimization", "class-balanced mini-batches", ("cnnlab/batching/batch_order.py",)),
    ("Optimization", "momentum as a velocity", ("optimizers/momentum-v",)),
    ("Optimization", "momentum as a sum of gradients", ("optimizers/momentum",)),
    ("Optimization", "annealed momentum", ("schedules/linear", "schedules/sutskever")),
    ("Optimization", "Nesterov, look-ahead", ("optimizers/nesterov-a",)),
    ("Optimization", "Nesterov, by the previous velocity", ("optimizers/nesterov-b",)),
    ("Optimization", "Nesterov, gradients at look-ahead points", ("optimizers/nesterov-c",)),
    ("Optimization", "Nesterov, by the gradient's change", ("optimizers/nesterov-d",)),
    ("Optimization", "Nesterov as in torch", ("optimizers/nesterov",)),
    ("Optimization", "step decay", ("schedules/step",)),
    ("Optimization", "rates from a list, as for LeNet-5 and residual nets", ("schedules/piecewise",)),
    ("Optimization", "decay when validation loss stops improving", ("schedules/plateau",)),
    ("Optimization", "exponential decay", ("schedules/exponential",)),
    ("Optimization", "1/t decay", ("schedules/inverse-time",)),
    ("Optimization", "Newton", ("optimizers/newton", "cnnlab/line_search.py")),
    ("Optimization", "L-BFGS", ("optimizers/lbfgs", "cnnlab/line_search.py")),
    ("Optimization", "AdaGrad", ("optimizers/adagrad", "datasets/rare-words")),
    ("Optimization", "AdaGrad with the full matrix", ("optimizers/adagrad-full",)),
    ("Optimization", "RMSprop", ("optimizers/rmsprop",)),
    ("Optimization", "Adam, with and without bias correction", ("optimizers/adam",)),
    ("Data", "label noise, outliers", ("cnnlab/batching/label_noise.py",)),
    ("Data", "augmentation", ("augmentations/pad-crop", "augmentations/flip")),
    ("Models", "LeNet-5 as in 1998", ("models/lenet5-1998",)),
    ("Models", "LeNet-5, modern", ("models/lenet5",)),
    ("Models", "AlexNet, grouped and not, and for 32×32", ("models/alexnet",)),
    ("Models", "VGG A to E, with and without batch normalization, and for 32×32", ("models/vgg",)),
    ("Models", "GoogLeNet, with auxiliary heads, and for 32×32", ("models/googlenet",)),
    ("Models", "ResNet-18 to 152, options A and B, plain", ("models/resnet",)),
    ("Models", "CIFAR ResNet-20 to 1202, plain", ("models/cifar-resnet",)),
    ("Models", "published weights", ("cnnlab/engine/pretrained.py",)),
    ("Models", "multilayer perceptrons", ("models/mlp",)),
    ("Models", "maxout networks", ("models/maxout", "models/maxout-conv")),
)


class Count(NamedTuple):
    """A model that is published, or counted by hand: its config, its images, and its parameters."""

    label: str
    model: dict[str, Any]
    shape: tuple[int, int, int]
    classes: int
    parameters: int
    connections: int | None = None


IMAGENET, CIFAR, MNIST = (3, 224, 224), (3, 32, 32), (1, 28, 28)


def _vgg(letter: str, norm: str, parameters: int) -> Count:
    model = {"name": "vgg", "configuration": letter, "norm": norm, "head": "full"}
    return Count(f"VGG {letter}{' + BN' if norm == 'batch' else ''}", model, IMAGENET, 1000, parameters)


def _resnet(depth: str, parameters: int, **more: str) -> Count:
    label = ", ".join([f"ResNet-{depth}", *(f"{name} {value}" for name, value in more.items())])
    return Count(label, {"name": "resnet", "depth": depth, **more}, IMAGENET, 1000, parameters)


def _cifar(depth: int, parameters: int, **more: str) -> Count:
    label = ", ".join([f"CIFAR ResNet-{depth}", *(f"{name} {value}" for name, value in more.items())])
    return Count(label, {"name": "cifar-resnet", "depth": depth, **more}, CIFAR, 10, parameters)


def _wide(depth: int, widen: int, parameters: int) -> Count:
    model = {"name": "wide-resnet", "depth": depth, "widen": widen}
    return Count(f"WRN-{depth}-{widen}", model, CIFAR, 10, parameters)


def _small_vgg(letter: str, layers: int, parameters: int) -> Count:
    model = {"name": "vgg", "configuration": letter, "norm": "batch", "head": "linear"}
    return Count(f"VGG-{layers} for 32×32 + BN", model, CIFAR, 10, parameters)


COUNTS = (
    Count("LeNet-5 as in 1998, 32×32", {"name": "lenet5-1998"}, (1, 32, 32), 10, 60_000, 340_908),
    Count("LeNet-5, modern, grey", {"name": "lenet5"}, MNIST, 10, 61_706),
    Count("LeNet-5, modern, colour", {"name": "lenet5"}, CIFAR, 10, 62_006),
    Count(
        "AlexNet, two groups, 227×227", {"name": "alexnet", "groups": "two"}, (3, 227, 227), 1000, 60_965_224
    ),
    Count("AlexNet, one group, 227×227", {"name": "alexnet"}, (3, 227, 227), 1000, 62_378_344),
    Count("AlexNet for 32×32", {"name": "alexnet"}, CIFAR, 10, 5_871_434),
    _vgg("A", "none", 132_863_336),
    _vgg("B", "none", 133_047_848),
    _vgg("C", "none", 133_638_952),
    _vgg("D", "none", 138_357_544),
    _vgg("E", "none", 143_667_240),
    _vgg("A", "batch", 132_868_840),
    _vgg("B", "batch", 133_053_736),
    _vgg("D", "batch", 138_365_992),
    _vgg("E", "batch", 143_678_248),
    _small_vgg("A", 11, 9_231_114),
    _small_vgg("B", 13, 9_416_010),
    _small_vgg("D", 16, 14_728_266),
    _small_vgg("E", 19, 20_040_522),
    Count("GoogLeNet", {"name": "googlenet"}, IMAGENET, 1000, 6_998_552),
    Count("GoogLeNet, both heads", {"name": "googlenet", "auxiliary": "yes"}, IMAGENET, 1000, 13_378_280),
    Count("GoogLeNet for 32×32 + BN", {"name": "googlenet"}, CIFAR, 10, 5_871_914),
    _resnet("18", 11_689_512),
    _resnet("34", 21_797_672),
    _resnet("50", 25_557_032),
    _resnet("101", 44_549_160),
    _resnet("152", 60_192_808),
    _resnet("50", 25_557_032, stride_on="3x3"),
    _resnet("18", 11_515_688, shortcut="A"),
    _resnet("34", 21_623_848, shortcut="A"),
    _resnet("18", 11_515_688, residual="no"),
    _resnet("34", 21_623_848, residual="no"),
    _cifar(20, 269_722),
    _cifar(32, 464_154),
    _cifar(44, 658_586),
    _cifar(56, 853_018),
    _cifar(110, 1_727_962),
    _cifar(1202, 19_421_274),
    _cifar(20, 269_722, residual="no"),
    _cifar(56, 853_018, residual="no"),
    _cifar(20, 272_474, shortcut="B"),
    _wide(16, 2, 691_674),
    _wide(40, 2, 2_243_546),
    _wide(16, 8, 10_961_370),
    _wide(28, 10, 36_479_194),
    Count(
        "CNN with the sizes of LeNet-5, 32×32",
        {"name": "cnn", "filters": [6, 16], "kernel": 5, "padding": "valid", "hidden": [120, 84]},
        (1, 32, 32),
        10,
        61_706,
    ),
    Count("MLP 3×1024", {"name": "mlp", "hidden": [1024] * 3}, MNIST, 10, 2_913_290),
    Count("MLP 1024-1024-2048", {"name": "mlp", "hidden": [1024, 1024, 2048]}, MNIST, 10, 3_973_130),
    Count("MLP 2×8192", {"name": "mlp", "hidden": [8192, 8192]}, MNIST, 10, 73_629_706),
    Count(
        "MLP 3×100 of batch normalization's paper", {"name": "mlp", "hidden": [100] * 3}, MNIST, 10, 99_710
    ),
    Count("maxout 2×240×5", {"name": "maxout"}, MNIST, 10, 1_233_610),
)
