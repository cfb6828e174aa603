"""A second computation of what attribute reports, to check attribution.json against.

reference_attribution.py LIBRARY ATTRIBUTION_JSON... fails unless all distances, counts, identities,
the unit, the ranking and the probabilities follow from the files. It shares no code with the
analyzer.
"""

import glob
import json
import math
import os
import sys

from reference_divergence import first_divergent_token
from reference_origin_model import Model
from reference_pairs import compare, contexts, one_source
from reference_reading import read, steps_of

FLOOR = 0.01


def load(path):
    """(path, config_id) to (configuration, run)."""
    data = read(path)
    runs = {run["config_id"]: run for run in data["runs"] if run.get("decode_steps")}
    return {(path, c["config_id"]): (c, runs[c["config_id"]]) for c in data["configurations"]}


def signals_of(run):
    for kind in ("hidden_states", "key_vectors"):
        for layer in run["decode_steps"][0].get(kind, {}):
            yield f"{kind}/{layer}", kind, int(layer.split("_")[1])
    yield "logprobs", "logprobs", None


class Found(dict):
    """By signal: mean L2 over distinct positions, their number, and whether all bits agree."""
    contradicted = False  # another length, no token id in common, or another token chosen


def distances(one, two):
    (config1, run1), (config2, run2) = one, two
    if run1["prompt_text"] != run2["prompt_text"]:
        return Found()
    found = Found()
    steps1, steps2 = steps_of(run1), steps_of(run2)
    comparable, _ = contexts(run1, run2, one_source(config1, run1, config2, run2))
    found.contradicted = first_divergent_token(comparable, steps1, steps2) is not None
    for name, kind, layer in signals_of(run1):
        figures = compare(run1, run2, one_source(config1, run1, config2, run2), False, kind, layer)
        found.contradicted |= figures["unequal_length"] + figures["no_common_id"] > 0
        by_position = figures["by_position"].values()
        if by_position:
            found[name] = (math.fsum(by_position) / len(by_position), len(by_position),
                           figures["first_divergence"] is None and figures["unmatched"] == 0)
    return found


PAIRS = {}  # computed so far


def pair(known, one, two):
    if (one, two) not in PAIRS:
        PAIRS[one, two] = distances(known[one], known[two])
    return PAIRS[one, two]


def is_identical(found):
    return bool(found) and not found.contradicted and all(same for _, _, same in found.values())


def log_distance(found, scales):
    logs = [math.log(math.hypot(found[s][0] / scales[s], FLOOR)) for s in found if s in scales]
    return math.fsum(logs) / len(logs) if logs else None


def log_l2(found):
    """In L2 itself, where the library has no unit: of the mean over signals."""
    if not found:
        return None
    mean = math.fsum(mean for mean, _, _ in found.values()) / len(found)
    return math.log(mean) if mean > 0 else -math.inf


def scales_of(known, labels):
    noise, every = {}, {}
    names = list(known)
    for i, one in enumerate(names):
        for two in names[:i]:
            is_noise = labels[one][0] == labels[two][0] and labels[one][1] != labels[two][1]
            for signal, (mean, _, _) in pair(known, one, two).items():
                if mean > 0:
                    every.setdefault(signal, []).append(math.log(mean))
                    if is_noise:
                        noise.setdefault(signal, []).append(math.log(mean))
    return {s: math.exp(math.fsum(v) / len(v)) for s, v in {**every, **noise}.items()}


def told_apart(known, labels, asked):
    """By name the label of the question `asked` (0: setup, 1: hardware), those joined that no bit
    tells apart in any block that has both."""
    seen = {}
    names = list(known)
    for i, one in enumerate(names):
        for two in names[:i]:
            found = pair(known, one, two)
            if labels[one][1 - asked] == labels[two][1 - asked] and found:
                key = frozenset((labels[one][asked], labels[two][asked]))
                seen[key] = seen.get(key, True) and is_identical(found)
    joined = {}
    for name in names:
        label = labels[name][asked]
        if label not in joined:
            same = [x for x in joined if seen.get(frozenset((x, label)))]
            joined[label] = joined[same[0]] if same else label
    return {name: joined[labels[name][asked]] for name in names}


MODELS = {}  # learnt so far, by what they were learnt from


def check_answer(place, question, answer, known, labels, scales, sighted):
    """`sighted`: by name the log distance from the unknown run, or None."""
    asked = ("setup", "hardware").index(question)
    label_of, block_of = told_apart(known, labels, asked), told_apart(known, labels, 1 - asked)
    names = sorted(known)
    if len(set(block_of.values())) == 1:
        block_of = {name: labels[name][1 - asked] for name in names}
    runs = [(label_of[name], block_of[name]) for name in names]
    logs = [[None if one == two else log_distance(pair(known, one, two), scales) for two in names]
            for one in names]
    key = repr((runs, logs))
    if key not in MODELS:
        MODELS[key] = Model(runs, logs)
    seen = [sighted[name] for name in names]
    if not MODELS[key].is_known or seen == [None] * len(seen):
        return [] if answer["none_of_these"] is None else [f"{place} {question}: a probability"]
    expected = MODELS[key].probabilities(seen)
    reported = {c["label"].split(", ")[0]: c["probability"] for c in answer["candidates"]
                if c["probability"] is not None}
    reported[None] = answer["none_of_these"]
    by_first = {label and label.split(", ")[0]: p for label, p in expected.items()}
    if set(reported) != set(by_first) or any(
            abs(reported[label] - p) > 1e-9 for label, p in by_first.items()):
        return [f"{place} {question}: probabilities {reported}, expected {by_first}"]
    return []


def close(a, b):
    return a == b or (None not in (a, b) and abs(a - b) <= 1e-9 * max(abs(a), abs(b)))


def check(library, reported):
    wrong = []
    everything = {}
    for path in sorted(glob.glob(os.path.join(library, "*.json"))):
        everything.update(load(os.path.realpath(path)))
    for unknown in reported["unknowns"]:
        place = unknown["file"], unknown["config_id"]
        run = load(place[0])[place]
        listed = unknown["configurations"]
        names = [(e["file"], e["config_id"]) for e in listed]
        copies = [(c["file"], c["config_id"]) for e in listed for c in e["copies"]]
        if sorted(names + copies) != sorted(everything):
            wrong.append(f"{place}: other configurations than the library's")
        labels = {name: (e["setup"], e["hardware"]) for name, e in zip(names, listed)}
        known = {name: everything[name] for name in names}
        scales = scales_of(known, labels)
        ranking, sighted = [], {}
        for name, entry in zip(names, listed):
            found = distances(run, everything[name])
            identical = is_identical(found)
            sighted[name] = log_distance(found, scales) if scales else log_l2(found)
            distance = None
            if sighted[name] is not None:
                distance = 0 if identical else math.exp(sighted[name])
            ranking.append((distance is None, distance or 0))
            if entry["identical"] != identical or not close(entry["distance"], distance):
                wrong.append(f"{place} {name}: {entry['distance']}, expected {distance}")
            for signal, (mean, n, _) in found.items():
                reported_signal = entry["signals"][signal]
                if not close(reported_signal["l2_distance"], mean) or (
                        reported_signal["positions"] != n):
                    wrong.append(f"{place} {name} {signal}: {reported_signal}, expected {mean} {n}")
        for before, after in zip(ranking, ranking[1:]):
            if before[0] > after[0] or before[1] > after[1] * (1 + 1e-9):
                wrong.append(f"{place}: not ranked by distance")
        for question in ("setup", "hardware"):
            shares = [c["probability"] for c in unknown[question]["candidates"]]
            shares = [s for s in shares if s is not None]
            none = unknown[question]["none_of_these"]
            if none is not None and not close(math.fsum(shares + [none]), 1):
                wrong.append(f"{place}: probabilities of {question} do not sum to 1")
            if not any(e["identical"] for e in listed):
                wrong += check_answer(place, question, unknown[question], known, labels, scales,
                                      sighted)
    return wrong


if __name__ == "__main__":
    failures = []
    for path in sys.argv[2:]:
        with open(path) as f:
            failures += check(sys.argv[1], json.load(f))
    print("\n".join(failures[:20]))
    sys.exit(1 if failures else 0)
