"""A second computation of attribution's probabilities, straight from their definition.

docs/numerics.md, Attribution: scores by least squares, cases by leaving each known run out, and the
mean over sharpness, threshold and scatter. It shares no code with the analyzer.
"""

import math

SHARPNESSES = [math.exp(-2 + 0.5 * i) for i in range(13)]
THRESHOLDS = [-4 + 0.1 * i for i in range(81)]
SCATTERS = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
HALF_SEPARATED = 0.2
SHRINKAGE = 1e-3


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def solve(matrix, right):
    """Gaussian elimination with partial pivoting."""
    rows = [row + [value] for row, value in zip(matrix, right)]
    n = len(rows)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, n):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    solution = [0.0] * n
    for i in reversed(range(n)):
        rest = math.fsum(rows[i][j] * solution[j] for j in range(i + 1, n))
        solution[i] = (rows[i][n] - rest) / rows[i][i]
    return solution


def label_scores(cells):
    """`cells`: (label, block, log distance). Each label's log distance in the nearest block."""
    labels = sorted({label for label, _, _ in cells})
    blocks = sorted({block for _, block, _ in cells})
    columns = [("label", x) for x in labels] + [("block", x) for x in blocks]
    place = {column: 1 + i for i, column in enumerate(columns)}
    size = 1 + len(columns)
    normal = [[SHRINKAGE if i == j and i > 0 else 0.0 for j in range(size)] for i in range(size)]
    right = [0.0] * size
    for label, block, log_distance in cells:
        places = [0, place["label", label], place["block", block]]
        for i in places:
            right[i] += log_distance
            for j in places:
                normal[i][j] += 1
    effects = solve(normal, right)
    nearest = min(effects[place["block", block]] for block in blocks)
    return {label: effects[0] + effects[place["label", label]] + nearest for label in labels}


def cases_of(runs, logs):
    """`runs`: (label, block) of each; `logs[i][j]`: log distance or None.

    Cases: scores by label, the truth or None, label, block."""
    cases = []
    for i, (label, block) in enumerate(runs):
        for absent in (False, True):
            cells = [(runs[j][0], runs[j][1], logs[i][j]) for j in range(len(runs))
                     if runs[j][1] != block and logs[i][j] is not None
                     and not (absent and runs[j][0] == label)]
            if not cells:
                continue
            scores = label_scores(cells)
            if absent or label in scores:
                cases.append((scores, None if absent else label, label, block))
    return cases


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


class Model:
    """Of the cases; `weights` is None where a kind of case is missing."""

    def __init__(self, cases):
        present = [c for c in cases if c[1] is not None]
        absent = [c for c in cases if c[1] is None]
        self.weights = None
        if not present or not absent:
            return
        at = mean(c[0][c[1]] for c in present), mean(min(c[0].values()) for c in absent)
        apart = max(0, at[1] - at[0])
        self.centre, self.separation = mean(at), apart / (apart + HALF_SEPARATED)
        ways = []
        for kind in (present, absent):
            for key in (2, 3):
                groups = {}
                for case in kind:
                    groups.setdefault(case[key], []).append(case)
                ways.append(list(groups.values()))
        fewest = min(len(groups) for groups in ways)
        densities = [self._density(scatter) for scatter in SCATTERS]
        logs = {}
        for way in ways:
            for group in way:
                self._add_group(logs, group, fewest / 2 / len(way), densities)
        for (s, b, t), value in logs.items():
            prior = -0.5 * (math.log(SHARPNESSES[b] / 8) / 1.5) ** 2
            prior -= 2 * math.log(1 + THRESHOLDS[t] ** 2 / 3)
            logs[s, b, t] = value + prior
        largest = max(logs.values())
        self.weights = [[0.0] * len(THRESHOLDS) for _ in SHARPNESSES]
        for (s, b, t), value in logs.items():
            weight = math.exp(value - largest)
            if weight > 0:
                for own, density in enumerate(densities[s][t]):
                    self.weights[b][own] += weight * density

    @staticmethod
    def _density(scatter):
        rows = []
        for t in THRESHOLDS:
            row = [math.exp(-0.5 * ((own - t) / scatter) ** 2) for own in THRESHOLDS]
            rows.append([x / sum(row) for x in row])
        return rows

    def _add_group(self, logs, group, weight, densities):
        for b in range(len(SHARPNESSES)):
            own = [0.0] * len(THRESHOLDS)
            for scores, truth, _, _ in group:
                shares, logits = self._contest(b, scores)
                for t, logit in enumerate(logits):
                    own[t] += (math.log(sigmoid(-logit)) if truth is None
                               else math.log(sigmoid(logit)) + math.log(shares[truth]))
            largest = max(own)
            likelihood = [math.exp(x - largest) for x in own]
            for s, density in enumerate(densities):
                for t, row in enumerate(density):
                    average = sum(p * x for p, x in zip(row, likelihood))
                    logs[s, b, t] = logs.get((s, b, t), 0) + weight * (
                        math.log(max(average, 1e-300)) + largest)

    def _contest(self, b, scores):
        """Shares of the candidates, and the logit against none of these at each threshold."""
        sharpness, nearest = SHARPNESSES[b], min(scores.values())
        behind = {k: math.exp(-sharpness * (s - nearest)) for k, s in scores.items()}
        total = math.fsum(behind.values())
        level = math.log(total / len(scores)) - sharpness * (nearest - self.centre)
        return ({k: x / total for k, x in behind.items()},
                [self.separation * (level + sharpness * t) for t in THRESHOLDS])

    def probabilities(self, scores):
        """By label, and of None."""
        found = dict.fromkeys([*scores, None], 0.0)
        for b, row in enumerate(self.weights):
            shares, logits = self._contest(b, scores)
            inside = sum(w * sigmoid(x) for w, x in zip(row, logits))
            found[None] += sum(row) - inside
            for label, share in shares.items():
                found[label] += inside * share
        total = math.fsum(found.values())
        return {label: value / total for label, value in found.items()}
