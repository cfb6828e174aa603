"""A second computation of attribution's probabilities, straight from their definition.

docs/numerics.md, Attribution: what each origin expects, and the density of what it leaves
unexplained, from the whole covariance matrix. It shares no code with the analyzer.
"""

import math
from itertools import combinations

SHIFT, GROUP, FEW, REST = 0.4, 0.2, 3, 0.3
SIZES = [0.5, 1, 2]


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def squares_between(names, pairs, missing):
    """`pairs`: (name, name, log distance). By both names the mean square, 0 for the same."""
    found = {}
    for one, two, log in pairs:
        found.setdefault(frozenset((one, two)), []).append(log)
    return {(a, b): 0.0 if a == b else math.exp(2 * mean(found.get(frozenset((a, b)), missing)))
            for a in names for b in names}


def density(covariance, residuals):
    """The logarithm of half the determinant's inverse, and the square of the residuals in units of
    the covariance, by Gaussian elimination."""
    rows = [list(row) + [r] for row, r in zip(covariance, residuals)]
    log_determinant, square = 0.0, 0.0
    for i, row in enumerate(rows):
        log_determinant += math.log(row[i])
        square += row[-1] ** 2 / row[i]
        for other in rows[i + 1:]:
            factor = other[i] / row[i]
            for j in range(i, len(row)):
                other[j] -= factor * row[j]
    return -log_determinant / 2, square


class Model:
    """`runs`: (label, block) of each known one; `logs[i][j]`: log distance or None. `is_known` is
    whether there are probabilities."""

    def __init__(self, runs, logs):
        self.runs = runs
        in_block, of_label, neither = [], [], []
        for i, j in combinations(range(len(runs)), 2):
            (label, block), (other_label, other_block), log = runs[i], runs[j], logs[i][j]
            if log is None or runs[i] == runs[j]:
                continue
            if block == other_block:
                in_block.append((label, other_label, log))
            elif label == other_label:
                of_label.append((block, other_block, log))
            else:
                neither.append(log)
        self.is_known = bool(of_label) and bool(in_block or neither)
        if not self.is_known:
            return
        self.labels = sorted({label for label, _ in runs})
        self.blocks = sorted({block for _, block in runs})
        between_labels = squares_between(self.labels, in_block, [x[2] for x in in_block] or neither)
        between_blocks = squares_between(self.blocks, of_label, [x[2] for x in of_label])
        least = min(square for squares in (between_labels, between_blocks)
                    for (a, b), square in squares.items() if a != b)
        self.of_label = self._forms(self.labels, between_labels, least)
        self.of_block = self._forms(self.blocks, between_blocks, least)

    @staticmethod
    def _forms(names, squares, least):
        """(name or None, weight, weight beside a new one, squares by name)."""
        near = 0.5 / (len(names) + 1)
        forms = []
        for name in names:
            row = {other: squares[name, other] for other in names}
            nearest = min(row[other] for other in names if other != name)
            forms.append((name, 1, 1, row))
            forms.append((None, 1 / len(names), (1 - near) / len(names), {**row, name: nearest}))
            forms.append((None, 0, near / len(names), {**row, name: least}))
        return forms

    def probabilities(self, sighted):
        """`sighted`: of each known run the log distance or None. By label, and of None."""
        cells = {}
        for place, log in zip(self.runs, sighted):
            if log is not None:
                cells.setdefault(place, []).append(log)
        places = sorted(cells)
        seen = [mean(cells[place]) for place in places]
        labels = sorted({label for label, _ in places})
        blocks = sorted({block for _, block in places})
        logs = []
        for label, *label_weights, label_squares in self.of_label:
            if label is not None and label not in labels:
                continue
            left = [b for b in blocks if label is None or (label, b) not in cells]
            for block, *block_weights, block_squares in self.of_block:
                if block is not None and block not in left:
                    continue
                is_new = label is None and block is None
                prior = label_weights[is_new] / (len(labels) if label is not None else 1)
                prior *= block_weights[is_new] / (len(left) if block is not None else 1)
                if prior == 0:
                    continue
                expected = [math.log(label_squares[a] + block_squares[b]) / 2 for a, b in places]
                logs.append((label, math.log(prior / (2 if left else 1)) + self._log_likelihood(
                    places, seen, expected)))
        largest = max(log for _, log in logs)
        found = dict.fromkeys([*labels, None], 0.0)
        for label, log in logs:
            found[label] += math.exp(log - largest)
        total = math.fsum(found.values())
        return {label: value / total for label, value in found.items()}

    def _log_likelihood(self, places, seen, expected):
        of_label = GROUP ** 2 * (1 + FEW / (len(self.labels) - 1))
        of_block = GROUP ** 2 * (1 + FEW / (len(self.blocks) - 1))
        shifts = [math.exp(2 * (min(expected) - e)) for e in expected]
        covariance = [[SHIFT ** 2 * x * y + of_label * (a[0] == b[0]) + of_block * (a[1] == b[1])
                       + REST ** 2 * (a == b) for b, y in zip(places, shifts)]
                      for a, x in zip(places, shifts)]
        half, square = density(covariance, [s - e for s, e in zip(seen, expected)])
        terms = [-len(places) * math.log(size) - square / 2 / size ** 2 for size in SIZES]
        return half + max(terms) + math.log(sum(math.exp(t - max(terms)) for t in terms))
