"""Figures of two runs, signal by signal, for reference_analysis.py."""

import math

from reference_divergence import PHASES, first_divergence, same_bits
from reference_reading import log_probs_at, steps_of, vector_at
from reference_statistics import mean, norm, phase_figures


def fed_token(steps, number_of_step):
    """None if it is not known."""
    step = steps.get(number_of_step, {})
    own = step.get("token_id")
    return own if step.get("fed_token_id") is None else step["fed_token_id"]


def contexts(run1, run2, same_tokens):
    """Steps with the same context; how many steps of both runs have another or an unknown one.

    same_tokens: the file says that both were fed one reference's tokens.
    """
    steps1, steps2 = steps_of(run1), steps_of(run2)
    common = set(steps1) & set(steps2)
    comparable = []
    for step in sorted(common):
        before = [(fed_token(steps1, s), fed_token(steps2, s)) for s in range(step)]
        if all((same_tokens if None in tokens else tokens[0] == tokens[1]) for tokens in before):
            comparable.append(step)
    return comparable, len(common) - len(comparable)


def token_source(config, run):
    """Digest of the run that generated the tokens which this one was fed."""
    if config.get("decoding") == "forced":
        return config["settings"]["reference_signals_sha256"]
    return run.get("signals_sha256")


def one_source(config1, run1, config2, run2):
    if "forced" not in (config1.get("decoding"), config2.get("decoding")):
        return False
    source = token_source(config1, run1)
    return source is not None and source == token_source(config2, run2)


def pick_log_probs(step1, step2, position):
    """The two lists of a timepoint: at the reference's ids where they are stored."""
    own = [log_probs_at(s, "logprobs", position) for s in (step1, step2)]
    reference = [log_probs_at(s, "reference_log_probs", position) for s in (step1, step2)]
    picked = [r or o for r, o in zip(reference, own)]
    if all(reference) and set(reference[0]) != set(reference[1]):
        if set(own[0]) == set(reference[1]):
            picked[0] = own[0]
        elif set(own[1]) == set(reference[0]):
            picked[1] = own[1]
    return picked


def paired_values(run1, run2, same_tokens, signal, layer):
    """(step, position, values of one, of the other, unmatched ids) of each comparable timepoint.

    None where a run stores nothing; a timepoint that neither stores is left out.
    """
    steps1, steps2 = steps_of(run1), steps_of(run2)
    comparable, _ = contexts(run1, run2, same_tokens)
    for s in comparable:
        for p in (-3, -2, -1):
            name, unmatched = f"pos_{p}", 0
            if signal == "logprobs":
                one, two = pick_log_probs(steps1[s], steps2[s], name)
                if one is not None and two is not None:
                    common = [i for i in one if i in two]
                    unmatched = len(one) + len(two) - 2 * len(common)
                    one, two = [one[i] for i in common], [two[i] for i in common]
            else:
                one = vector_at(steps1[s], signal, layer, name)
                two = vector_at(steps2[s], signal, layer, name)
            if one is not None or two is not None:
                yield s, p, one, two, unmatched


def compare(run1, run2, same_tokens, bfloat16, signal, layer):
    """All figures of one signal between two runs, under the report's names."""
    distances, distinct, points = [], {}, []
    out = {"missing": 0, "unequal_length": 0, "not_finite": 0, "no_common_id": 0}
    unmatched_ids, same_everywhere = 0, []
    for s, p, one, two, unmatched in paired_values(run1, run2, same_tokens, signal, layer):
        unmatched_ids += unmatched
        if one is None or two is None:
            out["missing"] += 1
            same_everywhere.append(False)
            continue
        same_everywhere.append(bool(one) and same_bits(one, two) and unmatched == 0)
        points.append((s, p, one, two))
        if len(one) != len(two):
            out["unequal_length"] += 1
        elif not one:
            out["no_common_id"] += 1
        elif not all(map(math.isfinite, one + two)):
            out["not_finite"] += 1
        else:
            distance = norm([a - b for a, b in zip(one, two)])
            distances.append(distance)
            distinct.setdefault(s + p + 1, (distance, one, two))
    figures = dict(
        out, n=len(distances), mean=mean(distances), min=min(distances, default=None),
        max=max(distances, default=None), unmatched=unmatched_ids,
        stored=bool(same_everywhere), bit_identical=bool(same_everywhere) and all(same_everywhere))
    figures["phases"] = {
        phase: phase_figures([d for at, d in sorted(distinct.items()) if belongs(at)],
                             bfloat16 and signal != "logprobs")
        for phase, belongs in PHASES.items()}
    every = figures["phases"]["all"]
    figures["by_position"] = {at: d[0] for at, d in distinct.items()}
    figures["relative_by_position"] = {
        at: d[0] / norm(d[1]) if norm(d[1]) > 0 else None for at, d in distinct.items()}
    figures["first_divergence"] = first_divergence(points, every["ulps"]["number_format"])
    figures["distinct"] = {
        "l2_distance": every["l2_distance"],
        "l2_distance_n": len(distinct),
        "prefill_l2_distance": figures["phases"]["prefill"]["l2_distance"],
        "decode_l2_distance": figures["phases"]["decode"]["l2_distance"],
        "relative_l2": every["relative_l2"],
        "largest_absolute": every["largest_absolute"],
        "largest_ulps": phase_figures(list(distinct.values()), False)["ulps"]["largest"],
        "elements": every["elements"],
        "elements_changed": every["elements_changed"],
    }
    return figures


def judge(distance, noise):
    """SNR and class."""
    if distance is None or noise is None:
        return None, "Undefined"
    if noise == 0:
        return (math.inf, "Strong") if distance > 0 else (None, "Not Detectable")
    snr = distance / noise
    for bound, name in ((10, "Strong"), (3, "Moderate"), (1, "Weak")):
        if snr > bound:
            return snr, name
    return snr, "Not Detectable"
