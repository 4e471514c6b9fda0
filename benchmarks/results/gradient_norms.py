"""How gradients fade through eight layers, sigmoid and ReLU: `python -m benchmarks.results.gradient_norms`.

784-100×8-10 at its first weights, the first 128 images of Fashion-MNIST's tenth, five seeds as one array.
"""

import statistics

from benchmarks.results.five_seeds import SEEDS, say
from cnnlab import resolve
from cnnlab.engine.gradient_norms import first_over_last, gradient_norms
from cnnlab.fit import Fit, Row


def main() -> None:
    """Print the root mean square gradient of first and last layer, and their ratio: medians over seeds."""
    for activation in ("sigmoid", "tangent-sigmoid", "squash", "softplus", "relu"):
        model = {"name": "mlp", "hidden": [100] * 8, "activation": activation}
        config = resolve({"model": model, "data": "fashion-mnist-mini", "train": {"precision": "float64"}})
        fit = Fit([Row(config, seed) for seed in range(SEEDS)])
        norms = gradient_norms(fit.array, *fit.data.train.batch(slice(0, 128), SEEDS))
        first, *_, last = (statistics.median(each.tolist()) for each in norms.values())
        ratio = statistics.median(first_over_last(norms).tolist())
        say(f"| {activation} | {first:.1e} | {last:.1e} | {ratio:.1e} |")


if __name__ == "__main__":
    main()
