"""Noise by position, ROC, Holm and propagation for reference_analysis.py.

Intervals and p-values come from seeded resampling and are not computed again: they are held
against what must be true of any.
"""

from reference_statistics import mean

SHORTEST = 12  # positions that an interval or a test needs
WIDEST = 1000  # upper over lower end of an interval of the SNR


def mean_series(series):
    """{position: distance} at each position over the series that have it."""
    positions = {at for one in series for at in one}
    return {at: mean(one[at] for one in series if at in one) for at in positions}


def roc(variant, baseline):
    """Points of the rule "at least the threshold", for each threshold from the largest down."""
    points = [(0, 0)]
    for threshold in sorted(set(variant + baseline), reverse=True):
        points.append((sum(v >= threshold for v in baseline) / len(baseline),
                       sum(v >= threshold for v in variant) / len(variant)))
    return points


def auc(variant, baseline):
    wins = sum((v > b) + (v == b) / 2 for v in variant for b in baseline)
    return wins / len(variant) / len(baseline)


def holm(p_values):
    adjusted, largest = {}, 0
    for rank, name in enumerate(sorted(p_values, key=p_values.get)):
        largest = max(largest, min(1, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def check_interval(check, place, interval, value, positions):
    check.equal(f"{place}: has an interval", interval is not None, positions >= SHORTEST)
    if interval is not None and value is not None:
        check.equal(f"{place}: holds the estimate",
                    interval["low"] <= value * (1 + 1e-12) and value * (1 - 1e-12) <= interval["high"],
                    True)


def check_means(check, place, found, phases):
    for phase, figures in phases.items():
        check_interval(check, f"{place}/{phase}", found["mean_l2"][phase], figures["l2_distance"],
                       figures["l2_distance_n"])
        check.equal(f"{place}/{phase}: has a reason", found["interval_reason"][phase] is not None,
                    found["mean_l2"][phase] is None)


def check_against_noise(check, place, found, distances, noise, is_headline):
    """distances, noise: {position: distance}."""
    common = sorted(set(distances) & set(noise))
    if not common:
        check.equal(place, found, None)
        return
    variant, baseline = [distances[at] for at in common], [noise[at] for at in common]
    snr = mean(variant) / mean(baseline) if mean(baseline) > 0 else None
    check.equal(f"{place}/positions", found["positions"], len(common))
    check.equal(f"{place}/snr", found["snr"], snr)
    interval = found["snr_interval"]
    says_nothing = (found["interval_reason"] or "").startswith("so wide that it says nothing")
    if snr and not says_nothing:
        check_interval(check, f"{place}/snr_interval", interval, snr, len(common))
    if says_nothing:
        check.equal(f"{place}: enough positions for an interval", len(common) >= SHORTEST, True)
    if interval is not None:
        check.equal(f"{place}/snr_interval: says something",
                    interval["high"] <= WIDEST * interval["low"], True)
    check.equal(f"{place}: has a reason", found["interval_reason"] is not None,
                interval is None)
    check.equal(f"{place}/auc", round(found["auc"], 12), round(auc(variant, baseline), 12))
    check.equal(f"{place}: has p", found["p_value"] is not None, len(common) >= SHORTEST)
    if found["p_value"] is not None:
        check.equal(f"{place}: p is a probability", 0 < found["p_value"] <= 1, True)
    if mean(variant) <= mean(baseline):
        check.equal(f"{place}/tokens_needed", found["tokens_needed"], None)
    check.equal(f"{place}: has a curve", "roc" in found, is_headline)
    if is_headline:
        curve = found["roc"]
        check.equal(f"{place}/roc",
                    list(zip(curve["false_positive_rate"], curve["true_positive_rate"])),
                    roc(variant, baseline))


def check_holm(check, tests):
    """tests: {(noise, signal, variant): found}; those of one noise and signal go together."""
    families = {}
    for (noise, signal, variant), found in tests.items():
        if found is not None and found["p_value"] is not None:
            families.setdefault((noise, signal), {})[variant] = found
    for family, members in families.items():
        adjusted = holm({variant: found["p_value"] for variant, found in members.items()})
        for variant, found in members.items():
            check.equal(f"{family}/{variant}/p_holm", found["p_holm"], adjusted[variant])


def check_by_position(check, place, found, distances, relative):
    positions = sorted(distances)
    check.equal(f"{place}/by_position", found, {
        "positions": positions, "l2_distance": [distances[at] for at in positions],
        "relative_l2": [relative[at] for at in positions]})


def check_propagation(check, place, found, signals):
    """signals: {(kind, layer): figures by phase}."""
    for kind in ("hidden_states", "key_vectors"):
        layers = sorted(layer for k, layer in signals if k == kind)
        check.equal(f"{place}/propagation/{kind}", found[kind]["layers"], layers)
        for phase in ("all", "prefill", "decode"):
            for name in ("l2_distance", "relative_l2", "share_changed"):
                check.equal(f"{place}/propagation/{kind}/{phase}/{name}", found[kind][phase][name],
                            [signals[kind, layer][phase][name] for layer in layers])
