"""What scipy and statsmodels make of the cases of test/statistics.test.ts. Writes statistics.json beside this file.

    python3 test/peers/statistics.py      # needs scipy and statsmodels
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import binom, sobol_indices, uniform
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint


def wilson(successes, rows):
    low, high = proportion_confint(successes, rows, alpha=0.05, method="wilson")
    return {"successes": successes, "rows": rows, "low": low, "high": high}


def exact_mcnemar(gained, lost):
    test = mcnemar([[0, gained], [lost, 0]], exact=True)
    return {"gained": gained, "lost": lost, "p": float(test.pvalue)}


def permutation(tasks):
    """The p value of the permutation test of a mean difference, not drawn but summed over all outcomes."""
    outcomes = [[(2 * k - g - l, binom.pmf(k, g + l, 0.5)) for k in range(g + l + 1)] for g, l, _ in tasks]
    seen = abs(sum((g - l) / n for g, l, n in tasks)) / len(tasks)
    p = 0.0
    for outcome in product(*outcomes):
        difference = sum(value / n for (value, _), (_, _, n) in zip(outcome, tasks)) / len(tasks)
        if abs(difference) >= seen - 1e-12:
            p += np.prod([chance for _, chance in outcome])
    return {"tasks": [{"gained": g, "lost": l, "rows": n} for g, l, n in tasks], "p": float(p)}


def ishigami(x):
    x = -np.pi + 2 * np.pi * x
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


indices = sobol_indices(func=ishigami, n=2**16, dists=[uniform()] * 3, rng=np.random.default_rng(1))
golden = {
    "wilson": [wilson(*case) for case in [(0, 10), (1, 10), (5, 10), (9, 10), (10, 10), (483, 700), (3, 3800), (3799, 3800), (1, 1)]],
    "mcnemar": [exact_mcnemar(*case) for case in [(0, 1), (3, 9), (9, 3), (12, 12), (0, 20), (140, 90), (1000, 900), (2500, 2100)]],
    "permutation": [
        permutation(case)
        for case in [
            [(5, 2, 20), (3, 7, 40)],
            [(12, 3, 50), (9, 6, 80), (4, 4, 30)],
            [(30, 18, 200), (40, 33, 500)],
            [(6, 0, 20), (0, 3, 463), (5, 5, 90)],
        ]
    ],
    "ishigami": {"first": indices.first_order.tolist(), "total": indices.total_order.tolist()},
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=2) + "\n")
