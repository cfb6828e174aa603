"""A second computation of what attribute reports, to check attribution.json against.

reference_attribution.py LIBRARY ATTRIBUTION_JSON... fails unless all distances, counts, identities,
the unit and the ranking follow from the files. It shares no code with the analyzer.
"""

import glob
import json
import math
import os
import sys

from reference_pairs import compare, one_source
from reference_reading import read

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


def distances(one, two):
    """By signal: mean L2 over distinct positions, their number, and whether all bits agree."""
    (config1, run1), (config2, run2) = one, two
    if run1["prompt_text"] != run2["prompt_text"]:
        return {}
    found = {}
    for name, kind, layer in signals_of(run1):
        figures = compare(run1, run2, one_source(config1, run1, config2, run2), False, kind, layer)
        by_position = figures["by_position"].values()
        if by_position:
            found[name] = (math.fsum(by_position) / len(by_position), len(by_position),
                           figures["first_divergence"] is None)
    return found


def scales_of(known, labels):
    noise, every = {}, {}
    names = list(known)
    for i, one in enumerate(names):
        for two in names[:i]:
            is_noise = labels[one][0] == labels[two][0] and labels[one][1] != labels[two][1]
            for signal, (mean, _, _) in distances(known[one], known[two]).items():
                if mean > 0:
                    every.setdefault(signal, []).append(math.log(mean))
                    if is_noise:
                        noise.setdefault(signal, []).append(math.log(mean))
    return {s: math.exp(math.fsum(v) / len(v)) for s, v in {**every, **noise}.items()}


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
        scales = scales_of({name: everything[name] for name in names}, labels)
        ranking = []
        for name, entry in zip(names, listed):
            found = distances(run, everything[name])
            identical = bool(found) and all(same for _, _, same in found.values())
            logs = [math.log(math.hypot(found[s][0] / scales[s], FLOOR)) for s in found]
            distance = None
            if logs:
                distance = 0 if identical else math.exp(math.fsum(logs) / len(logs))
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
    return wrong


if __name__ == "__main__":
    failures = []
    for path in sys.argv[2:]:
        with open(path) as f:
            failures += check(sys.argv[1], json.load(f))
    print("\n".join(failures[:20]))
    sys.exit(1 if failures else 0)
