"""The plan's compare_experiments.py: what //analyzer:compare is timed against.

plan_script.py DIRECTORY analyses the experiment files there and prints the plan's summary table.

Transcribed as it stands in the plan but for: the layer (the last one that the file lists, not 39),
the files (all of the directory), the repetition (the first that has signals: the plan reads
repetition 0, yet stores only the last), reproducibility (of configurations with three repetitions
that have signals; the plan raises an error for any other), and the reports, which are not saved.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.spatial.distance import euclidean


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
                vec1 = np.array(step1[signal_type][f"layer_{self.layer}"][pos])
                vec2 = np.array(step2[signal_type][f"layer_{self.layer}"][pos])
                l2_dist = euclidean(vec1, vec2)
                distances.append(l2_dist)
        return np.mean(distances)

    def stored_runs(self, config_id):
        return [r for r in self.data["runs"]
                if r["config_id"] == config_id and "decode_steps" in r]

    def within_config_reproducibility(self, config_id):
        runs = self.stored_runs(config_id)
        if len(runs) != 3:
            return None
        distances = {
            "rep0_vs_rep1": self.compute_l2_distance(runs[0], runs[1]),
            "rep0_vs_rep2": self.compute_l2_distance(runs[0], runs[2]),
            "rep1_vs_rep2": self.compute_l2_distance(runs[1], runs[2]),
        }
        return {
            "config_id": config_id,
            "within_config_distances": distances,
            "mean": np.mean(list(distances.values())),
            "max": np.max(list(distances.values())),
        }

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
            a100_run = self.stored_runs(a100_cfg["config_id"])[0]
            h100_run = self.stored_runs(h100_cfg["config_id"])[0]
            distance = self.compute_l2_distance(a100_run, h100_run)
            results[f"{a100_cfg['variable_value']}"] = {
                "a100_config": a100_cfg["config_id"],
                "h100_config": h100_cfg["config_id"],
                "l2_distance": distance,
            }
        return results

    def variable_detectability(self, hardware="A100-80GB"):
        configs = [c for c in self.data["configurations"] if c["hardware"] == hardware]
        baseline_config = configs[0]
        baseline_run = self.stored_runs(baseline_config["config_id"])[0]
        results = {}
        for config in configs[1:]:
            test_run = self.stored_runs(config["config_id"])[0]
            distance = self.compute_l2_distance(baseline_run, test_run)
            results[config["variable_value"]] = {
                "config_id": config["config_id"],
                "baseline_value": baseline_config["variable_value"],
                "test_value": config["variable_value"],
                "l2_distance": distance,
            }
        return results

    def generate_report(self):
        report = {
            "experiment": self.experiment_type,
            "variable": self.variable,
            "reproducibility": {
                cfg["config_id"]: self.within_config_reproducibility(cfg["config_id"])
                for cfg in self.data["configurations"]
            },
            "cross_hardware_baseline": self.cross_hardware_baseline(),
            "within_hardware_detectability": {
                "A100": self.variable_detectability("A100-80GB"),
                "H100": self.variable_detectability("H100"),
            },
        }
        baseline_noise = np.mean(
            [v["l2_distance"] for v in report["cross_hardware_baseline"].values()])
        for hw in ["A100", "H100"]:
            for data in report["within_hardware_detectability"][hw].values():
                data["snr"] = (data["l2_distance"] / baseline_noise
                               if baseline_noise > 0 else float("inf"))
        return report


def create_summary_table(reports):
    summary = []
    for exp_type, report in reports.items():
        baseline_l2 = np.mean(
            [v["l2_distance"] for v in report["cross_hardware_baseline"].values()])
        max_signal = 0
        for hw in ["A100", "H100"]:
            hw_signals = [
                data["l2_distance"]
                for data in report["within_hardware_detectability"][hw].values()
            ]
            max_signal = max(max_signal, max(hw_signals) if hw_signals else 0)
        snr = max_signal / baseline_l2 if baseline_l2 > 0 else float("inf")
        if snr > 10:
            classification = "Strong"
        elif snr > 3:
            classification = "Moderate"
        elif snr > 1:
            classification = "Weak"
        else:
            classification = "Not Detectable"
        summary.append({
            "experiment": exp_type,
            "variable": report["variable"],
            "baseline_l2": baseline_l2,
            "max_signal_l2": max_signal,
            "snr": snr,
            "detectability": classification,
        })
    return summary


def main(directory):
    reports = {}
    for path in sorted(Path(directory).glob("*_experiment.json")):
        analyzer = ExperimentAnalyzer(path)
        reports[analyzer.experiment_type] = analyzer.generate_report()
    for row in create_summary_table(reports):
        print(f"{row['experiment']:<20} {row['variable']:<20} {row['baseline_l2']:<15.4f} "
              f"{row['max_signal_l2']:<15.4f} {row['snr']:<10.2f} {row['detectability']:<15}")


if __name__ == "__main__":
    main(*sys.argv[1:])
