"""Times one suggestion of bayes_opt by expected improvement, on a smooth hill over the unit cube.

The request holds `points` (how many are told before) and `dimensions`.
"""
import math
import random
import warnings

import request

warnings.filterwarnings("ignore")
from bayes_opt import BayesianOptimization, acquisition  # noqa: E402


def hill(point):
    return math.exp(-sum((value - 0.3 - 0.05 * j) ** 2 for j, value in enumerate(point)))


def main():
    asked = request.read()
    names = [f"x{j}" for j in range(asked["dimensions"])]
    optimizer = BayesianOptimization(
        f=None, pbounds={name: (0, 1) for name in names}, acquisition_function=acquisition.ExpectedImprovement(xi=0.01), random_state=0, verbose=0,
        allow_duplicate_points=True,
    )
    stream = random.Random(0)
    for _ in range(asked["points"]):
        point = [stream.random() for _ in names]
        optimizer.register(params=dict(zip(names, point)), target=hill(point))
    request.report(optimizer.suggest, asked["repeats"])


if __name__ == "__main__":
    main()
