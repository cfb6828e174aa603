"""The plan's own ExperimentAnalyzer, on the files that this project writes.

plan_analysis.py EXPERIMENTS REPORT runs it on all files of EXPERIMENTS, which must hold every field
that it asks for, and compares its distances with REPORT/analysis_reports.json.

Transcribed as it stands in the plan but for: numpy and scipy (math.dist, statistics.fmean), the
layer (the last one that the file lists), and the repetition (the lowest that has decode_steps:
the plan reads repetition 0, yet stores only the last).
"""

import json
import math
import os
import statistics
import sys


class ExperimentAnalyzer:
    def __init__(self, json_path):
        with open(json_path) as f:
            self.data = json.load(f)
        self.experiment_type = self.data["experiment_metadata"]["experiment_type"]
        self.variable = self.data["experiment_metadata"]["variable_tested"]
        self.layer = self.data["experiment_metadata"]["extraction_config"]["layers"][-1]

    def compute_l2_distance(self, run1, run2, signal_type="hidden_states"):
        distances = []
        for step_idx in range(len(run1["decode_steps"])):
            step1 = run1["decode_steps"][step_idx]
            step2 = run2["decode_steps"][step_idx]
            for pos in ["pos_-3", "pos_-2", "pos_-1"]:
                vec1 = step1[signal_type][f"layer_{self.layer}"][pos]
                vec2 = step2[signal_type][f"layer_{self.layer}"][pos]
                distances.append(math.dist(vec1, vec2))
        return statistics.fmean(distances)

    def run_of(self, config):
        runs = [r for r in self.data["runs"] if r["config_id"] == config["config_id"]]
        if len(runs) != 3:
            raise ValueError(f"Expected 3 reps for {config['config_id']}, found {len(runs)}")
        return [r for r in sorted(runs, key=lambda r: r["rep_id"]) if "decode_steps" in r][0]

    def cross_hardware_baseline(self):
        a100_configs = [c for c in self.data["configurations"] if "A100" in c["hardware"]]
        h100_configs = [c for c in self.data["configurations"] if "H100" in c["hardware"]]
        results = {}
        for a100_cfg in a100_configs:
            matching_h100 = [
                c for c in h100_configs if c["variable_value"] == a100_cfg["variable_value"]
            ]
            if not matching_h100:
                continue
            h100_cfg = matching_h100[0]
            results[json.dumps(a100_cfg["variable_value"]).strip('"')] = {
                "a100_config": a100_cfg["config_id"],
                "h100_config": h100_cfg["config_id"],
                "l2_distance": self.compute_l2_distance(self.run_of(a100_cfg),
                                                        self.run_of(h100_cfg)),
            }
        return results

    def variable_detectability(self, hardware):
        configs = [c for c in self.data["configurations"] if c["hardware"] == hardware]
        baseline_config = configs[0]
        results = {}
        for config in configs[1:]:
            results[json.dumps(config["variable_value"]).strip('"')] = {
                "config_id": config["config_id"],
                "baseline_value": baseline_config["variable_value"],
                "test_value": config["variable_value"],
                "l2_distance": self.compute_l2_distance(self.run_of(baseline_config),
                                                        self.run_of(config)),
            }
        return results


def compare(place, plans, ours):
    """Every key of the plan's entries must stand in ours, with the same value."""
    for value, entry in plans.items():
        for name, expected in entry.items():
            found = ours[value][name]
            # The plan computes with float64 decimals, not with the float32 that they stand for.
            same = (math.isclose(found, expected, rel_tol=1e-5, abs_tol=1e-6)
                    if name == "l2_distance" else found == expected)
            if not same:
                raise SystemExit(f"{place}/{value}/{name}: plan {expected!r}, report {found!r}")
    return len(plans)


def main(experiments, report):
    with open(os.path.join(report, "analysis_reports.json")) as f:
        reports = json.load(f)
    compared = 0
    # The plan's code takes no file with gaps, other repetitions or another baseline.
    for name in ("reference_baseline", "batch_size_experiment", "quantization_experiment",
                 "tensor_parallel_experiment"):
        analyzer = ExperimentAnalyzer(os.path.join(experiments, name + ".json"))
        ours = reports[analyzer.experiment_type]
        if ours["variable"] != analyzer.variable:
            raise SystemExit(f"{name}: variable {ours['variable']}")
        compared += compare(name, analyzer.cross_hardware_baseline(),
                            ours["cross_hardware_baseline"])
        for label, hardware in (("A100", "A100-80GB"), ("H100", "H100")):
            compared += compare(f"{name}/{label}", analyzer.variable_detectability(hardware),
                                ours["within_hardware_detectability"][label])
    print(f"{compared} pairs agree with the plan's code")
    return 0 if compared else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
