"""A second, slow analysis of experiment files, to check the analyzer's figures against.

reference_analysis.py EXPERIMENTS REPORT TIDY [PHASES] fails unless every figure that it computes
from the files in EXPERIMENTS stands, digit for digit, in REPORT/analysis_reports.json,
REPORT/summary.json, TIDY and PHASES (the files of --tidy and --tidy_phases). It shares no code with the analyzer: plain Python lists, exact sums (math.fsum).
"""

import json
import math
import os
import sys

from reference_divergence import (PHASES, first_divergent_token, first_of_all, identity_classes,
                                  same_bits)
from reference_pairs import compare, contexts, judge, one_source, paired_values
from reference_reading import doubles, read, steps_of, vector_at
from reference_run_times import check_run_time_holm, check_run_times
from reference_statistics import mean
from reference_tidy import check_phases, check_tidy
from reference_uncertainty import (check_against_noise, check_by_position, check_holm, check_means,
                                   check_propagation, mean_series)

REFERENCE_VALUES = {
    "none": "baseline", "batch_size": 1, "compile": False, "quant_method": "awq",
    "attention_impl": "flash_attention_2", "concurrent_work": False, "cuda_version": "default",
    "tp_size": 1, "ep_size": 1,
}
VERSIONS = ["cuda_version", "torch_version", "transformers_version", "flash_attn_version",
            "python_version", "dtype", "world_size"]
# What is expected to differ: bookkeeping, and what a variable changes by itself.
BOOKKEEPING = {"settings.work_digest", "settings.runner_version", "settings.reference_config_id",
               "settings.reference_hardware", "settings.reference_signals_sha256"}
FOLLOWS = {
    "quant_method": {"settings.model", "settings.model_digest"},
    "attention_impl": {"settings.attention_kernel"},
    "cuda_version": {"cuda_version"},
    "tp_size": {"world_size"}, "ep_size": {"world_size"},
}
FILES = [
    "reference_baseline", "batch_size_experiment", "compile_experiment", "quantization_experiment",
    "attention_experiment", "concurrent_streams_experiment", "cuda_version_experiment",
    "tensor_parallel_experiment", "expert_parallel_experiment",
]


# An experiment.

def short(label):
    if label.startswith("emulated:"):
        return label
    return next((name for name in ("A100", "H100", "H200") if name in label), label)


def own_emulation(one, two):
    """Whether two labels are of one GPU's arithmetic, one of them or both emulated."""
    prefix = "emulated:"
    return prefix in one + two and short(one.replace(prefix, "")) == short(two.replace(prefix, ""))


def key(value):
    return value if isinstance(value, str) else json.dumps(value)


def bits_of(run):
    """Everything that must be equal between repetitions; -0.0 is not 0.0."""
    def walk(item):
        if isinstance(item, dict):
            return {name: walk(part) for name, part in item.items()}
        if isinstance(item, list):
            return [walk(part) for part in item]
        return repr(item)
    return [walk({name: step.get(name) for name in (
        "step", "token_id", "fed_token_id", "hidden_states", "key_vectors", "logprobs",
        "reference_log_probs")}) for step in run["decode_steps"]]


def circumstances(config):
    """Versions, fixed_params and settings by path, as text."""
    found = {name: config.get(name) for name in VERSIONS}
    for part in ("fixed_params", "settings"):
        found.update({f"{part}.{name}": v for name, v in (config.get(part) or {}).items()})
    return {name: key(v) for name, v in found.items() if v is not None}


def other_differences(variable, baseline, variant):
    a, b = circumstances(baseline), circumstances(variant)
    names = {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}
    names -= BOOKKEEPING | FOLLOWS.get(variable, set())
    own = {name for name in names - a.keys()
           if name.startswith("settings.") and not name.startswith("settings.env.")}
    return {name: {"baseline": a.get(name, ""), "variant": b.get(name, "")}
            for name in names - own}


class Analysis:
    def __init__(self, data):
        self.data = data
        meta = data["experiment_metadata"]
        self.name, self.variable = meta["experiment_type"], meta["variable_tested"]
        layers = meta["extraction_config"]["layers"]
        self.headline = f"hidden_states/layer_{layers[-1]}"
        self.signals = {f"{kind}/layer_{layer}": (kind, layer)
                        for kind in ("hidden_states", "key_vectors") for layer in layers}
        self.signals["logprobs"] = ("logprobs", None)
        self.hardware = {}
        full = {c["hardware"] for c in data["configurations"]}
        for c in data["configurations"]:
            label = c["hardware"]
            alone = sum(short(other) == short(label) for other in full) == 1
            self.hardware.setdefault(short(label) if alone else label, []).append(c)
        self.pairs = list(self.make_pairs())
        self.noise_series = {}
        self.noise = {s: self.noise_of(s) for s in self.signals}

    def runs(self, config):
        return sorted((r for r in self.data["runs"] if r["config_id"] == config["config_id"]),
                      key=lambda r: r["rep_id"])

    def baseline(self, label):
        configs = self.hardware[label]
        return next((c for c in configs if c["variable_value"] == REFERENCE_VALUES[self.variable]),
                    configs[0])

    def make_pairs(self):
        """(kind, hardware, report section, key, a, b, figures by signal)"""
        labels = list(self.hardware)
        for i, one in enumerate(labels):
            for two in labels[i + 1:]:
                if own_emulation(one, two):
                    continue
                for a in self.hardware[one]:
                    for b in self.hardware[two]:
                        if a["variable_value"] == b["variable_value"]:
                            yield self.pair("cross_hardware_baseline", f"{one}-{two}", None, a, b)
        for one in labels:
            for variant in self.hardware[one]:
                if variant is self.baseline(one):
                    continue
                yield self.pair("within_hardware", one, one, self.baseline(one), variant)
                for two in labels:
                    if two != one:
                        yield self.pair("cross_hardware_detectability", f"{one}_variant",
                                        f"{one}_variant_vs_{two}_baseline", self.baseline(two),
                                        variant)

    def pair(self, kind, hardware, section, a, b):
        stored = [self.stored_run(c) for c in (a, b)]
        figures = dict.fromkeys(self.signals)
        if all(stored):
            same_tokens = one_source(a, stored[0], b, stored[1])
            bfloat16 = a.get("dtype") == b.get("dtype") == "bfloat16"
            figures = {name: compare(*stored, same_tokens, bfloat16, *where)
                       for name, where in self.signals.items()}
        return kind, hardware, section, key(b["variable_value"]), a, b, figures

    def noise_of(self, signal):
        """The mean over values and that at the baseline value; the same position by position."""
        every, base = [], []
        for kind, _, _, _, a, b, figures in self.pairs:
            if kind != "cross_hardware_baseline" or not figures[signal]:
                continue
            if figures[signal]["mean"] is None:
                continue
            every.append(figures[signal])
            if any(a is self.baseline(one) for one in self.hardware) and any(
                    b is self.baseline(two) for two in self.hardware):
                base.append(figures[signal])
        self.noise_series[signal] = [mean_series([f["by_position"] for f in part])
                                     for part in (every, base)]
        return tuple(mean(f["mean"] for f in part) for part in (every, base))

    def stored_run(self, config):
        return next((r for r in self.runs(config) if r.get("decode_steps")), None)

    def identity_classes(self, signal, phase):
        """Of all hardware's configurations; hardware in the order of its first one."""
        kind, layer = self.signals[signal]
        configs = {c["config_id"]: c for configs in self.hardware.values() for c in configs}

        def values_at(step, p):
            if kind != "logprobs":
                return vector_at(step, kind, layer, f"pos_{p}")
            return step.get(kind, {}).get(f"pos_{p}")

        def stored(name):
            steps = steps_of(self.stored_run(configs[name]) or {})
            return [s + p + 1 for s in steps for p in (-3, -2, -1) if values_at(steps[s], p)]

        def compared(one, two):
            runs = [self.stored_run(configs[name]) for name in (one, two)]
            same_tokens = one_source(configs[one], runs[0], configs[two], runs[1])
            return [(s + p + 1, bool(a) and unmatched == 0 and same_bits(a, b))
                    for s, p, a, b, unmatched in paired_values(*runs, same_tokens, kind, layer)
                    if a is not None and b is not None]

        return identity_classes(configs, stored, compared, phase)

    def reproducible(self, config):
        runs = self.runs(config)
        if len(runs) < 2:
            return None
        if all(r.get("decode_steps") for r in runs):
            return all(bits_of(r) == bits_of(runs[0]) for r in runs)
        return len({r["signals_sha256"] for r in runs}) == 1


# Comparison with the report.

class Checker:
    def __init__(self):
        self.checked, self.wrong = 0, []

    def equal(self, place, found, expected):
        self.checked += 1
        if found in ("Infinity",):
            found = math.inf
        same = found == expected and isinstance(found, bool) == isinstance(expected, bool)
        if not same:
            self.wrong.append(f"{place}: found {found!r}, expected {expected!r}")


def check_divergence(check, place, found, expected):
    if expected is None:
        check.equal(place, found, None)
        return
    for name, value in expected.items():
        check.equal(f"{place}/first_divergence/{name}", found and found[name], value)


def check_signals(check, place, entry, figures):
    for signal, expected in figures.items():
        found, where = entry["signals"][signal], f"{place}/{signal}"
        for suffix in ("min", "max", "n"):
            check.equal(where, found[f"l2_distance_{suffix}"], expected[suffix])
        check.equal(where, found["l2_distance"], expected["mean"])
        check.equal(where, found["bit_identical"], expected["bit_identical"])
        for cause in ("missing", "unequal_length", "not_finite", "no_common_id"):
            check.equal(f"{where}/{cause}", found["left_out"][cause], expected[cause])
        if signal == "logprobs":
            check.equal(where, found["unmatched_ids"], expected["unmatched"])
        for name, value in expected["distinct"].items():
            check.equal(f"{where}/{name}", found["distinct_positions"][name], value)
        check_divergence(check, where, found["first_divergence"], expected["first_divergence"])
        for phase, values in expected["phases"].items():
            for name, value in values.items():
                check.equal(f"{where}/{phase}/{name}", found["phases"][phase][name], value)


def identical(run1, run2, comparable, figures):
    """Whether two runs have all steps, tokens and bits in common."""
    steps1, steps2 = steps_of(run1), steps_of(run2)
    stored = [f["bit_identical"] for f in figures.values() if f["stored"]]
    return (set(steps1) == set(steps2) == set(comparable) and bool(stored) and all(stored) and
            all(steps1[s]["token_id"] == steps2[s]["token_id"] for s in steps1))


def check_experiment(check, analysis, report, tests):
    """Adds to `tests` what check_holm takes."""
    name = analysis.name
    for config in analysis.data["configurations"]:
        check.equal(f"{name}/reproducibility/{config['config_id']}",
                    report["reproducibility"][config["config_id"]]["reproducible"],
                    analysis.reproducible(config))
    used = set()
    for kind, hardware, section, value, a, b, figures in analysis.pairs:
        if kind == "cross_hardware_baseline":
            entry_key = value if value not in used else f"{value} ({hardware})"
            used.add(value)
            entry = report[kind][entry_key]
            check.equal(name, entry["hardware"], hardware)
            for config in (a, b):
                own = next(h for h, configs in analysis.hardware.items() if config in configs)
                check.equal(name, entry[f"{own.lower()}_config"], config["config_id"])
        else:
            part = kind if kind.startswith("cross") else "within_hardware_detectability"
            entry = report[part][section][value]
            check.equal(name, entry["config_id"], b["config_id"])
            check.equal(name, entry["baseline_value"], a["variable_value"])
            distance = figures[analysis.headline] and figures[analysis.headline]["mean"]
            for suffix, noise in zip(("", "_at_baseline_value"), analysis.noise[analysis.headline]):
                snr, verdict = judge(distance, noise)
                check.equal(f"{name}/{section}/snr", entry[f"snr{suffix}"], snr)
                check.equal(f"{name}/{section}", entry[f"detectability{suffix}"], verdict)
        place = f"{name}/{kind}/{a['config_id']}/{b['config_id']}"
        if not any(figures.values()):
            check.equal(place, entry["l2_distance"], None)
            continue
        check.equal(place, entry["l2_distance"], figures[analysis.headline]["mean"])
        stored = [analysis.stored_run(c) for c in (a, b)]
        comparable, left_out = contexts(*stored, one_source(a, stored[0], b, stored[1]))
        check.equal(place, entry["contexts"]["steps_compared"], len(comparable))
        check.equal(place, entry["contexts"]["steps_left_out"], left_out)
        if kind != "cross_hardware_baseline":
            check.equal(f"{place}/identical", entry["identical"],
                        identical(*stored, comparable, figures))
        check_signals(check, place, entry, figures)
        found = check_uncertainty(check, analysis, place, entry, kind, figures)
        tests.update({(*test, place): value for test, value in found.items()})
        first = first_of_all({signal: f["first_divergence"] for signal, f in figures.items()})
        check_divergence(check, place, entry["first_divergence"],
                         first and {"signal": first, **figures[first]["first_divergence"]})
        check.equal(place, entry["first_divergent_token"],
                    first_divergent_token(comparable, *map(steps_of, stored)))
    for signal in analysis.signals:
        for phase in PHASES:
            check.equal(f"{name}/identity_classes/{signal}/{phase}",
                        report["identity_classes"][signal][phase],
                        analysis.identity_classes(signal, phase))


NOISES = ("against_noise", "against_noise_at_baseline_value")


def check_uncertainty(check, analysis, place, entry, kind, figures):
    """Returns what the report has of each test, by noise and signal."""
    tests = {}
    for signal, expected in figures.items():
        found, where = entry["signals"][signal], f"{place}/{signal}"
        check_by_position(check, where, found["by_position"], expected["by_position"],
                          expected["relative_by_position"])
        check_means(check, where, found["uncertainty"], expected["phases"])
        for noise, series in zip(NOISES, analysis.noise_series[signal]):
            test = found["uncertainty"][noise]
            if kind == "within_hardware":
                check_against_noise(check, f"{where}/{noise}", test, expected["by_position"],
                                    series, signal == analysis.headline)
                tests[noise, signal] = test
            else:
                check.equal(f"{where}/{noise}", test, None)
    check_propagation(check, place, entry["propagation"],
                      {analysis.signals[signal]: f["phases"] for signal, f in figures.items()})
    return tests


def check_confounding(check, analysis, report):
    names = set()
    for kind, _, section, value, a, b, _ in analysis.pairs:
        if kind == "within_hardware":
            differences = other_differences(analysis.variable, a, b)
            entry = report["within_hardware_detectability"][section][value]
            check.equal(f"{analysis.name}/other_differences", entry["other_differences"],
                        differences)
            names |= differences.keys()
    lines = [line.split(": ")[0] for line in report["confounding"]]
    check.equal(f"{analysis.name}/confounding", sorted(lines),
                sorted(f"{analysis.variable} is confounded with {name}" for name in names))


def check_summary(check, analysis, row):
    distances = [figures[analysis.headline]["mean"]
                 for kind, _, _, _, _, _, figures in analysis.pairs
                 if kind == "within_hardware" and figures[analysis.headline]
                 and figures[analysis.headline]["mean"] is not None]
    noise, at_baseline = analysis.noise[analysis.headline]
    largest = max(distances, default=None)
    snr, verdict = judge(largest, noise)
    baseline_snr, baseline_verdict = judge(largest, at_baseline)
    expected = {
        "experiment": analysis.name, "variable": analysis.variable, "baseline_l2": noise,
        "min_signal_l2": min(distances, default=None), "mean_signal_l2": mean(distances),
        "max_signal_l2": largest, "snr": snr, "detectability": verdict,
        "snr_at_baseline_value": baseline_snr, "detectability_at_baseline_value": baseline_verdict,
    }
    for name, value in expected.items():
        check.equal(f"summary/{analysis.name}/{name}", row[name], value)


def main(experiments, report, tidy, phases=None):
    with open(os.path.join(report, "analysis_reports.json")) as f:
        reports = json.load(f)
    with open(os.path.join(report, "summary.json")) as f:
        summary = json.load(f)
    check = Checker()
    analyses = []
    for file in FILES:
        path = os.path.join(experiments, file + ".json")
        if os.path.exists(path):
            analyses.append(Analysis(read(path)))
    check.equal("experiments", list(reports), [a.name for a in analyses])
    tests, times = {}, {}
    for analysis, row in zip(analyses, summary):
        check_experiment(check, analysis, reports[analysis.name], tests)
        check_run_times(check, analysis, reports[analysis.name], times)
        check_confounding(check, analysis, reports[analysis.name])
        check_summary(check, analysis, row)
    check_holm(check, tests)
    check_run_time_holm(check, times)
    check_tidy(check, analyses, tidy)
    if phases:
        check_phases(check, analyses, phases)
    print(f"{check.checked} figures checked, {len(check.wrong)} wrong")
    print("\n".join(check.wrong[:20]))
    return 1 if check.wrong or check.checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
