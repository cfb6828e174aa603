"""Experiments whose answers are known by construction, and the answers, worked out by hand.

known_answers.py COMPARE runs the analyzer on each case of cases() and looks up its answers in
analysis_reports.json ("/run_time/...") and summary.json ("summary/..."). Vectors have d equal
elements, so that two that are c apart have the distance sqrt(d) c.
"""

import json
import math
import os
import struct
import subprocess
import sys
import tempfile

ABSENT = object()


def run(config_id, offset=0.0, d=16, steps=2, layers=(1, 2), positions=(-3, -2, -1), rep=0,
        tokens=None, kinds=("hidden_states", "key_vectors", "logprobs"), seconds=None):
    """A repetition; `offset`: a number, or a function of (kind, layer, computed position)."""
    value = offset if callable(offset) else lambda kind, layer, at: offset
    names = [f"pos_{p}" for p in positions]

    def layered(kind, step):
        return {f"layer_{layer}": {f"pos_{p}": [1.0 + value(kind, layer, step + p + 1)] * d
                                   for p in positions} for layer in layers}
    records = []
    for step in range(steps):
        record = {"step": step, "token_id": tokens[step] if tokens else 100 + step,
                  "token_text": f"<{tokens[step] if tokens else 100 + step}>"}
        for kind in ("hidden_states", "key_vectors"):
            record[kind] = layered(kind, step) if kind in kinds else {}
        record["logprobs"] = {}
        if "logprobs" in kinds:
            for name, p in zip(names, positions):
                moved = value("logprobs", 0, step + p + 1)
                record["logprobs"][name] = {"token_ids": list(range(4)),
                                            "log_probs": [-1.0 - i - moved for i in range(4)]}
        records.append(record)
    return {"config_id": config_id, "rep_id": rep, "timestamp": "2026-01-01 00:00:00",
            "runtime_seconds": seconds, "prompt_text": "p", "decode_steps": records}


def experiment(variable, configurations, runs, layers=(1, 2), positions=(-3, -2, -1), steps=2):
    """configurations: (config_id, hardware, value[, more fields])."""
    return {
        "experiment_metadata": {
            "experiment_type": "case", "variable_tested": variable, "decode_steps": steps,
            "extraction_config": {"layers": list(layers), "positions": list(positions)}},
        "configurations": [dict({"config_id": c[0], "hardware": c[1], "variable_value": c[2]},
                                **(c[3] if len(c) > 3 else {})) for c in configurations],
        "runs": runs,
    }


BATCHES = [("A100_bs1", "A100-80GB", 1), ("A100_bs2", "A100-80GB", 2), ("A100_bs4", "A100-80GB", 4),
           ("H100_bs1", "H100", 1), ("H100_bs2", "H100", 2), ("H100_bs4", "H100", 4)]


def batches(*offsets, **shape):
    """Batch sizes 1, 2, 4 on both GPUs, at these offsets."""
    return experiment("batch_size", BATCHES,
                      [run(c[0], offset, **shape) for c, offset in zip(BATCHES, offsets)],
                      steps=shape.get("steps", 2))


def two(a, b, noise=0.5, value="eager", fields=({}, {}), **shape):
    """Attention on two GPUs: the baseline at a, the variant at b, the other GPU's baseline."""
    return experiment("attention_impl",
                      [("A", "A100-80GB", "flash_attention_2", fields[0]),
                       ("B", "A100-80GB", value, fields[1]), ("H", "H100", "flash_attention_2")],
                      [run("A", a, **shape), run("B", b, **shape), run("H", noise, **shape)],
                      steps=shape.get("steps", 2), layers=shape.get("layers", (1, 2)),
                      positions=shape.get("positions", (-3, -2, -1)))


def float32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def float32_of(value):
    """The float32 nearest to `value`."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def float16(bits):
    return struct.unpack("<e", struct.pack("<H", bits))[0]


def set_element(record, step, position, value, kind="hidden_states", layer=2, element=0):
    record["decode_steps"][step][kind][f"layer_{layer}"][f"pos_{position}"][element] = value


WITHIN = "within_hardware_detectability/A100/eager"
SIGNAL = WITHIN + "/signals/hidden_states~layer_2"


def cases():
    """(name, experiment, {path: answer})."""
    # sqrt(16) = 4: noise 2 for each value, signals 4 and 24 on either GPU.
    yield "constant offsets", batches(0, 1, 6, .5, 1.5, 6.5), {
        "summary/baseline_l2": 2, "summary/min_signal_l2": 4, "summary/mean_signal_l2": 14,
        "summary/max_signal_l2": 24, "summary/snr": 12, "summary/detectability": "Strong",
        "summary/baseline_l2_at_baseline_value": 2, "summary/classes_differ": False,
        "cross_hardware_baseline/1/l2_distance": 2, "cross_hardware_baseline/4/l2_distance": 2,
        "cross_hardware_baseline/4/a100_config": "A100_bs4",
        "within_hardware_detectability/A100/2/snr": 2,
        "within_hardware_detectability/A100/2/detectability": "Weak",
        # 1 - 0.5 and 1.5 - 0, times 4.
        "cross_hardware_detectability/A100_variant_vs_H100_baseline/2/l2_distance": 2,
        "cross_hardware_detectability/H100_variant_vs_A100_baseline/2/l2_distance": 6,
        "within_hardware_detectability/A100/2/signals/logprobs/l2_distance": 2,  # sqrt(4)
        "within_hardware_detectability/A100/2/l2_distance_n": 6,
        "within_hardware_detectability/A100/2/signals/logprobs/distinct_positions/l2_distance_n": 4,
    }
    # Classes are strict: exactly 10, 3 and 1 belong to the lower one.
    for offset, snr, name in ((5, 10, "Moderate"), (5.5, 11, "Strong"), (1.5, 3, "Weak"),
                              (.5, 1, "Not Detectable"), (0, 0, "Not Detectable")):
        yield f"class at {snr}", two(0, offset), {
            "summary/snr": snr, "summary/detectability": name, "summary/identical": offset == 0}
    # The noise is the mean over values: (0 + 12) / 2, but 0 at the baseline value.
    yield "one odd value", batches(0, 1, 1, 0, 4, 1), {
        "summary/baseline_l2": 4, "summary/max_signal_l2": 16, "summary/snr": 4,
        "summary/detectability": "Moderate", "summary/baseline_l2_at_baseline_value": 0,
        "summary/snr_at_baseline_value": "Infinity", "summary/classes_differ": True,
        "summary/detectability_at_baseline_value": "Strong",
    }
    yield "no noise", two(0, 2, noise=0), {
        "summary/snr": "Infinity", "summary/detectability": "Strong", "summary/baseline_l2": 0,
        SIGNAL + "/uncertainty/against_noise/snr": None}
    yield "no noise, no signal", two(0, 0, noise=0), {
        "summary/snr": None, "summary/detectability": "Not Detectable", "summary/identical": True,
        SIGNAL + "/bit_identical": True, WITHIN + "/first_divergence": None}
    yield "one position, one step, one layer", two(0, 1, steps=1, layers=(7,), positions=(-1,)), {
        "summary/snr": 2, "summary/signal": "hidden_states/layer_7", WITHIN + "/l2_distance_n": 1,
        WITHIN + "/signals/hidden_states~layer_7/phases/prefill/l2_distance": 4,
        WITHIN + "/signals/hidden_states~layer_7/phases/decode/l2_distance": None,
        WITHIN + "/propagation/hidden_states/layers": [7]}
    yield "one hardware", experiment(
        "attention_impl", [("A", "H100", "flash_attention_2"), ("B", "H100", "eager")],
        [run("A"), run("B", 1)]), {
            "summary/baseline_l2": None, "summary/snr": None, "summary/max_signal_l2": 4,
            "summary/detectability": "Undefined"}
    # The plan's headline is of hidden states; log-probs alone give it none, and have their own.
    yield "log-probs alone", two(0, 3, kinds=("logprobs",)), {
        "summary/detectability": "Undefined", "summary/max_signal_l2": None,
        "noise/logprobs/mean": 1, WITHIN + "/signals/logprobs/snr": 6,
        WITHIN + "/signals/logprobs/detectability": "Moderate"}
    yield "no layers", two(0, 3, kinds=("logprobs",), layers=()), {
        "summary/signal": "hidden_states/layer_0", "summary/detectability": "Undefined",
        WITHIN + "/l2_distance": None, WITHIN + "/signals/logprobs/snr": 6}
    # Pairs 0-1, 0-3, 1-3 at the baseline: (4 + 12 + 8) / 3.
    yield "three hardware", experiment(
        "compile", [("A", "A100-80GB", False), ("AC", "A100-80GB", True), ("H", "H100", False),
                    ("HH", "H200", False)],
        [run("A", 0), run("AC", 4), run("H", 1), run("HH", 3)]), {
            "summary/baseline_l2": 8, "summary/snr": 2,
            "cross_hardware_baseline/false/l2_distance": 4,
            "cross_hardware_baseline/false (A100-H200)/l2_distance": 12,
            "cross_hardware_baseline/false (H100-H200)/l2_distance": 8,
            "within_hardware_detectability/H200": {},
            "cross_hardware_detectability/A100_variant_vs_H200_baseline/true/l2_distance": 4}
    # An emulation beside its own GPU is no hardware of the baseline: (4 + 12) / 2 without the 8.
    yield "a GPU and its emulation", experiment(
        "compile", [("H", "H100", False), ("HC", "H100", True), ("E", "emulated:H100", False),
                    ("A", "A100-80GB", False)],
        [run("H", 1), run("HC", 5), run("E", 3), run("A", 0)]), {
            "summary/baseline_l2": 8, "summary/snr": 2,
            "cross_hardware_baseline/false/hardware": "H100-A100",
            "cross_hardware_baseline/false (emulated:H100-A100)/l2_distance": 12,
            "cross_hardware_baseline/false (H100-emulated:H100)": ABSENT}
    yield "an emulation of the only GPU", experiment(
        "compile", [("H", "H100", False), ("HC", "H100", True), ("E", "emulated:H100", False)],
        [run("H", 1), run("HC", 5), run("E", 1)]), {
            "summary/baseline_l2": None, "summary/detectability": "Undefined",
            "cross_hardware_baseline": {},
            "identity_classes/hidden_states~layer_2/all/classes": [["H", "E"], ["HC"]]}
    yield "labels", experiment(
        "compile", [("A", "NVIDIA A100-SXM4-80GB", False), ("AC", "NVIDIA A100-SXM4-80GB", True),
                    ("H", "h100 pcie", False), ("C", "AMD EPYC 9654 AVX512", False)],
        [run("A", 0), run("AC", 4), run("H", 1), run("C", 3)]), {
            "summary/baseline_l2": 8, "baseline_values": {
                "A100": False, "H100": False, "AMD EPYC 9654 AVX512": False},
            "cross_hardware_baseline/false/h100_config": "H"}
    # The plan's names are substrings of labels: both are the A100.
    yield "two labels of one GPU", experiment(
        "compile", [("A", "NVIDIA A100-SXM4-80GB", False), ("AC", "A100-80GB", True),
                    ("H", "H100", False)], [run("A", 0), run("AC", 4), run("H", 1)]), {
            "summary/snr": 4, "summary/baseline_l2": 4,
            "baseline_values": {"A100": False, "H100": False},
            "within_hardware_detectability/A100/true/l2_distance": 16}
    # Values keep their JSON type, but 1 and 1.0 are one number.
    for value, noise in ((1, 4), (1.0, 4), ("1", None), (True, None)):
        yield f"a value of {value!r}", experiment(
            "batch_size", [("A", "A100-80GB", 1), ("A2", "A100-80GB", 2), ("H", "H100", value)],
            [run("A"), run("A2", 2), run("H", 1)]), {
                "summary/baseline_l2": noise, "summary/snr": noise and 2}
    yield "a variant that one hardware lacks", experiment(
        "batch_size", BATCHES[:3] + BATCHES[3:5],
        [run(c[0], offset) for c, offset in zip(BATCHES, (0, 1, 6, .5, 2.5))]), {
            # (2 + 6) / 2.
            "summary/baseline_l2": 4, "summary/max_signal_l2": 24, "summary/snr": 6,
            "within_hardware_detectability/H100/4": ABSENT, "cross_hardware_baseline/4": ABSENT}
    repeated = two(0, 1)
    repeated["runs"] += [run("A", 0, rep=1), run("A", .25, rep=2), run("B", 1, rep=1),
                         run("B", 1, rep=2)]
    yield "not reproducible", repeated, {
        # By the lowest repetition all the same.
        "summary/snr": 2, "summary/not_reproducible": ["A"], WITHIN + "/not_reproducible": ["A"],
        "reproducibility/A/reproducible": False, "reproducibility/B/reproducible": True,
        "reproducibility/A/within_config_distances": {
            "rep0_vs_rep1": 0, "rep0_vs_rep2": 1, "rep1_vs_rep2": 1},
        "reproducibility/A/mean": 2 / 3, "reproducibility/A/max": 1,
        "reproducibility/H/reproducible": None}
    zeros = two(0, 1)
    zeros["runs"] += [run("A", 0, rep=1), run("A", 0, rep=2)]
    for rep, zero in ((0, 0.0), (3, 0.0), (4, -0.0)):
        set_element(zeros["runs"][rep], 1, -1, zero, "key_vectors", 1)
    yield "-0.0 is not 0.0", zeros, {
        "reproducibility/A/reproducible": False, "reproducibility/A/max": 0,
        "reproducibility/A/within_config_distances/rep0_vs_rep2": 0}
    # Step 0 -1 (position 0) has no distance where that timepoint is left out; step 1 repeats it.
    for value in (float("nan"), float("inf"), "NaN", "-Infinity", None):
        odd = two(0, 1)
        set_element(odd["runs"][1], 0, -1, value)
        yield f"a value of {value!r} in a vector", odd, {
            "summary/snr": 2, WITHIN + "/l2_distance_n": 5,
            SIGNAL + "/left_out/not_finite": 1, SIGNAL + "/distinct_positions/l2_distance_n": 4}
    # Tokens differ after step 2: steps 0 to 2 are compared.
    yield "free decoding that parts", experiment(
        "attention_impl", [("A", "A100-80GB", "flash_attention_2"), ("B", "A100-80GB", "eager"),
                           ("H", "H100", "flash_attention_2")],
        [run("A", 0, steps=5), run("B", lambda kind, layer, at: 1 if at <= 2 else 99, steps=5,
                                   tokens=[100, 101, 7, 103, 104]), run("H", .5, steps=5)],
        steps=5), {
            "summary/snr": 2, WITHIN + "/l2_distance_n": 9, WITHIN + "/contexts/steps_compared": 3,
            WITHIN + "/contexts/steps_left_out": 2, WITHIN + "/first_divergent_token/step": 2,
            WITHIN + "/first_divergent_token/b/token_text": "<7>",
            WITHIN + "/contexts/first_fed_difference": 2}
    # One machine parts after step 0, so that its variant's distance to the other machine, 9.5,
    # weighs half in the mean noise (4 + 9.5) / 2, and at three of 42 positions alone in the other.
    parted = experiment(
        "attention_impl", [("A0", "A100-80GB", "flash_attention_2"), ("A1", "A100-80GB", "eager"),
                           ("B0", "H100", "flash_attention_2"), ("B1", "H100", "eager")],
        [run("A0", 0, steps=40), run("A1", .125, steps=40, tokens=range(7, 47)),
         run("B0", 1, steps=40), run("B1", 2.5, steps=40)], steps=40)
    yield "one run of four parts early", parted, {
        "summary/snr": 6 / 6.75, "summary/detectability": "Not Detectable",
        "within_hardware_detectability/H100/eager/signals/hidden_states~layer_2/uncertainty/"
        "against_noise/snr": 42 * 6 / (3 * 6.75 + 39 * 4), "has_caveat/snr_by_position": True}
    yield "nobody parts", batches(0, 1, 6, .5, 1.5, 6.5, steps=40), {
        "summary/snr": 12, "has_caveat/snr_by_position": ABSENT}
    near = two(0, 0)
    set_element(near["runs"][0], 0, -1, 0.1)
    set_element(near["runs"][1], 0, -1, 0.10000000149011612)  # the float32 nearest to 0.1
    yield "decimals of one float32", near, {
        "summary/max_signal_l2": 0, SIGNAL + "/bit_identical": True}
    zeros = two(-1, -1, noise=-1)
    set_element(zeros["runs"][1], 1, -1, -0.0)
    yield "a distance of 0, but other bits", zeros, {
        "summary/max_signal_l2": 0, "summary/snr": None, "summary/identical": False,
        "summary/detectability": "Not Detectable", WITHIN + "/identical": False,
        WITHIN + "/signals/logprobs/identical": True, SIGNAL + "/identical": False}
    lengths = two(0, 0, noise=0)
    lengths["runs"][1]["decode_steps"][1]["hidden_states"]["layer_2"]["pos_-1"].append(1.0)
    yield "another length", lengths, {
        "summary/max_signal_l2": 0, "summary/identical": False, SIGNAL + "/bit_identical": False,
        SIGNAL + "/left_out/unequal_length": 1, SIGNAL + "/first_divergence": None}
    chosen = two(0, 0, noise=0)
    chosen["runs"][1]["decode_steps"][1]["token_id"] = 7
    yield "another token is chosen of the same bits", chosen, {
        "summary/max_signal_l2": 0, "summary/identical": False, SIGNAL + "/bit_identical": True}
    doubled = two(0, 1)
    doubled["configurations"].append(dict(doubled["configurations"][1], variable_value="other"))
    doubled["runs"].append(run("B", 9))
    yield "a config_id and a repetition twice", doubled, {
        "summary/snr": 2, "reproducibility/B/reproducible": False,
        "within_hardware_detectability/A100/other": ABSENT}
    # Elements 1 and 1 + 2^-7 (the next bfloat16 number): 2^16 float32 numbers apart.
    step = two(0, 2 ** -7)
    yield "float32 by default", step, {
        SIGNAL + "/phases/all/ulps/number_format": "float32",
        SIGNAL + "/phases/all/ulps/largest": 65536, SIGNAL + "/phases/all/ulps/mean": 65536}
    for first, second, name, ulps in (("bfloat16", "bfloat16", "bfloat16", 1),
                                      ("bfloat16", "float32", "float32", 65536),
                                      ("float16", "float16", "float16", 8),
                                      ("float16", "bfloat16", "float32", 65536)):
        yield f"{first} and {second}", two(0, 2 ** -7, fields=({"dtype": first},
                                                               {"dtype": second})), {
            SIGNAL + "/phases/all/ulps/number_format": name,
            SIGNAL + "/phases/all/ulps/largest": ulps, SIGNAL + "/phases/all/ulps/mean": ulps,
            SIGNAL + "/first_divergence/ulps": ulps,
            WITHIN + "/signals/logprobs/phases/all/ulps/number_format": "float32"}
    # float16 patterns: subnormal 1 and 3; 0x03ff and 0x0400, where subnormals end; -1 and 1 step
    # from 0; 1 and 2 (a whole binade, 1024 steps). Distances 2, 1, 2, 1024 and twelve zeros.
    halves = two(0, 0, steps=1, positions=(-1,), fields=({"dtype": "float16"},) * 2)
    for element, (a, b) in enumerate(((0x0001, 0x0003), (0x03ff, 0x0400), (0x8001, 0x0001),
                                      (0x3c00, 0x4000))):
        set_element(halves["runs"][0], 0, -1, float16(a), element=element)
        set_element(halves["runs"][1], 0, -1, float16(b), element=element)
    yield "float16 patterns", halves, {
        SIGNAL + "/phases/all/ulps/number_format": "float16",
        SIGNAL + "/phases/all/ulps/largest": 1024,
        SIGNAL + "/phases/all/ulps/mean": (2 + 1 + 2 + 1024) / 16,
        SIGNAL + "/phases/all/ulps/histogram": [12, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    # A number that float16 has not: all is counted in float32.
    mixed = two(0, 2 ** -7, fields=({"dtype": "float16"},) * 2)
    set_element(mixed["runs"][0], 0, -3, float32(0x3f800001))
    yield "said to be float16", mixed, {SIGNAL + "/phases/all/ulps/number_format": "float32"}
    # Mean 6 over 4: 1.5; the variance of the baseline's mean is 0, t = 4.302653 by two degrees of freedom.
    timed = two(0, 1)
    timed["runs"] = [run(c, o, rep=r, seconds=s) for c, o, times in (
        ("A", 0, (4, 4, 4)), ("B", 1, (5, 6, 7)), ("H", .5, (1, 1, 1)))
        for r, s in enumerate(times)]
    half = 0.95 / math.sqrt(2 * 0.975 * 0.025) / math.sqrt(3) / 4  # Student's t, closed form
    yield "run times", timed, {
        "run_time/A100/B/mean_seconds": 6, "run_time/A100/B/variance": 1,
        "run_time/A100/B/slowdown": 1.5, "run_time/A100/B/slowdown_interval/low": 1.5 - half,
        "run_time/A100/B/slowdown_interval/high": 1.5 + half,
        "run_time/A100/B/slower_p_value": (1 - math.sqrt(12 / 14)) / 2,
        "run_time/A100/A/slowdown": 1, "warm_up/first_slowest": 0}
    # Layers 1 and 2 move by 1 and 3 in decode alone: 4 and 12, and nothing in the prefill.
    grown = two(0, lambda kind, layer, at: (2 * layer - 1) * (at > 0), steps=4)
    yield "depth and phase", grown, {
        WITHIN + "/propagation/hidden_states/decode/l2_distance": [4, 12],
        WITHIN + "/propagation/hidden_states/prefill/l2_distance": [0, 0],
        # Positions -2 to 3 in windows of three: 1 timepoint of 12 + ... at 1, 2, 3: 3 + 2 + 1.
        "summary/max_signal_l2": 12 * 6 / 12,
        WITHIN + "/first_divergence/signal": "key_vectors/layer_1",
        WITHIN + "/first_divergence/position": 1, WITHIN + "/first_divergence/step": 1,
        "identity_classes/hidden_states~layer_2/prefill/classes": [["A", "B"], ["H"]],
        "identity_classes/hidden_states~layer_2/decode/classes": [["A"], ["B"], ["H"]],
        "identity_classes/hidden_states~layer_2/all/parted_at": [None, 1, -2],
        SIGNAL + "/by_position/l2_distance": [0, 0, 0, 12, 12, 12]}

    # A token each has in the other's list counts; the others are counted as unmatched.
    listed = two(0, 0, steps=1, positions=(-1,))
    listed["runs"][1]["decode_steps"][0]["logprobs"]["pos_-1"] = {
        "token_ids": [9, 2, 0, 8], "log_probs": [-0.5, -6.0, -5.0, -7.0]}  # 0: -1, 2: -3
    yield "token ids that one list has", listed, {
        WITHIN + "/signals/logprobs/l2_distance": 5,  # 4 and 3
        WITHIN + "/signals/logprobs/unmatched_ids": 4,
        WITHIN + "/signals/logprobs/phases/all/largest_absolute": 4,
        WITHIN + "/signals/logprobs/bit_identical": False}
    apart = two(0, 1)
    for record in apart["runs"][1]["decode_steps"]:
        for at in record["logprobs"].values():
            at["token_ids"] = [i + 50 for i in at["token_ids"]]
    yield "no token id in common", apart, {
        WITHIN + "/signals/logprobs/l2_distance": None,
        WITHIN + "/signals/logprobs/left_out/no_common_id": 6, "summary/snr": 2}
    # Fed the reference's tokens, its own choices notwithstanding; over the reference's ids.
    forced = two(0, 1, steps=3, fields=({"decoding": "free"}, {"decoding": "forced"}))
    for step, record in enumerate(forced["runs"][1]["decode_steps"]):
        record.update(token_id=7 + step, fed_token_id=100 + step, reference_log_probs={
            f"pos_{p}": {"token_ids": [3, 2, 1, 0], "log_probs": [-5.5, -4.5, -3.5, -2.5]}
            for p in (-3, -2, -1)})
    yield "forced decoding", forced, {
        WITHIN + "/contexts/steps_compared": 3, WITHIN + "/contexts/steps_left_out": 0,
        WITHIN + "/first_divergent_token/step": 0, WITHIN + "/first_divergent_token/b/token_id": 7,
        WITHIN + "/signals/logprobs/l2_distance": 3,  # 1.5 sqrt(4)
        "summary/snr": 2}
    torn = two(0, 1)
    torn["runs"][1]["decode_steps"][0]["hidden_states"]["layer_2"]["pos_-3"].pop()
    del torn["runs"][1]["decode_steps"][1]["hidden_states"]["layer_2"]["pos_-1"]
    del torn["runs"][1]["decode_steps"][1]["key_vectors"]
    yield "vectors that are short or missing", torn, {
        "summary/snr": 2, WITHIN + "/l2_distance_n": 4, SIGNAL + "/left_out/unequal_length": 1,
        SIGNAL + "/left_out/missing": 1, WITHIN + "/signals/key_vectors~layer_1/l2_distance_n": 3}
    late = two(0, 1)
    late["runs"] = [dict(record, rep_id=2) for record in late["runs"][::-1]] + [
        dict(run(c, rep=r), decode_steps=[]) for c in "AB" for r in (1, 0)]
    yield "the last repetition alone is stored", late, {
        "summary/snr": 2, "reproducibility/A/reproducible": None,
        "reproducibility/A/repetitions": 3, "reproducibility/A/compared_rep_id": 2}
    yield "the reference alone", experiment("none", [("A", "A100-80GB", "baseline"),
                                                     ("H", "H100", "baseline")],
                                            [run("A"), run("H", 1)]), {
        "summary/baseline_l2": 4, "summary/snr": None, "summary/detectability": "Undefined",
        "within_hardware_detectability": {"A100": {}, "H100": {}}}
    # The default's value is the baseline, wherever it stands; of 11.8 and 12.1 alone the first is.
    for values, base in ((("11.8", "12.8", "12.1"), "12.8"), (("12.1", "11.8"), "12.1")):
        yield f"CUDA {values}", experiment(
            "cuda_version", [(f"A{v}", "A100-80GB", v) for v in values],
            [run(f"A{v}", i) for i, v in enumerate(values)]), {
                "baseline_values": {"A100": base}, "summary/max_signal_l2": 4}
    other = two(0, 1)
    other["runs"][1]["prompt_text"] = "q"
    yield "another prompt", other, {
        WITHIN + "/contexts/same_prompt": False, WITHIN + "/l2_distance": None,
        "summary/detectability": "Undefined"}
    # Elements of 1e38 and -1e38 are 2e38 apart, whose square no float32 holds.
    yield "large numbers", two(1e38, -1e38, noise=0.0), {
        "summary/max_signal_l2": 4 * 2 * float32_of(1e38), SIGNAL + "/phases/all/cosine": -1,
        SIGNAL + "/phases/all/relative_l2": 2}


def lookup(tree, path):
    """`~` in a key of the path stands for a slash."""
    for key in path.split("/"):
        key = key.replace("~", "/")
        if key not in tree:
            return ABSENT
        tree = tree[key]
    return tree


def same(found, expected):
    if isinstance(expected, float) or isinstance(expected, int) and not isinstance(expected, bool):
        return (isinstance(found, (int, float)) and not isinstance(found, bool)
                and math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-15))
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def check(compare, name, data, answers, folder):
    path = os.path.join(folder, "case_experiment.json")
    with open(path, "w") as f:
        json.dump(data, f)
    done = subprocess.run([compare, path, "--output=" + folder], capture_output=True, text=True)
    if done.returncode != 0:
        return [f"{name}: exit code {done.returncode}: {done.stderr}"]
    with open(os.path.join(folder, "analysis_reports.json")) as f:
        report = json.load(f)["case"]
    with open(os.path.join(folder, "summary.json")) as f:
        report["summary"] = json.load(f)[0]
    report["has_caveat"] = {caveat["kind"]: True for caveat in report["caveats"]}
    return [f"{name}: {place}: found {lookup(report, place)!r}, expected {answer!r}"
            for place, answer in answers.items() if not same(lookup(report, place), answer)]


def main(compare):
    wrong, count = [], 0
    for name, data, answers in cases():
        with tempfile.TemporaryDirectory() as folder:
            wrong += check(compare, name, data, answers, folder)
        count += len(answers)
    print(f"{count} answers, {len(wrong)} wrong")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
