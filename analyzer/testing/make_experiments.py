"""Writes experiment files for tests: small models, made-up values, the schema of the real ones.

make_experiments.py DIRECTORY writes the nine files of the plan, each in another dress: as the
collector writes (one stored repetition, digests, forced decoding, shortest float32 text) and as
the plan's own Python would (indented, three stored repetitions, float64 text, NaN literals).
"""

import hashlib
import json
import os
import random
import struct
import sys

LAYERS = [1, 2, 4]
STEPS = 10
HIDDEN, KEYS = 24, 8


def float32(value):
    """The float32 nearest to `value`, as a Python float."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def shortest(value):
    """The shortest decimal that reads back to the float32 `value`."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if float32(float(text)) == value:
            return text
    return repr(value)


class Shortest(float):
    """A float that json writes as the shortest float32."""

    def __repr__(self):
        return shortest(float(self))


def bfloat16(value):
    """The float32 `value` without what bfloat16 has no bits for."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return struct.unpack("<f", struct.pack("<I", bits & 0xffff0000))[0]


def vector(seed, size, noise, noise_seed):
    """A float32 vector; the same `seed` gives the same vector, moved by relative `noise`."""
    base, moved = random.Random(seed), random.Random(f"{seed} {noise_seed}")
    return [float32(base.gauss(0, 1) * (1 + noise * moved.gauss(0, 1))) for _ in range(size)]


def as_bfloat16(data):
    """Makes an experiment one that was computed in bfloat16."""
    for configuration in data["configurations"]:
        configuration["dtype"] = "bfloat16"
    for run in data["runs"]:
        for step in run.get("decode_steps", []):
            for kind in ("hidden_states", "key_vectors"):
                for positions in step[kind].values():
                    for position, values in positions.items():
                        positions[position] = [bfloat16(v) for v in values]
    return data


def positions_of(step, make):
    """The window of a step; `make` gets the position relative to the prompt's last token."""
    return {f"pos_{p}": make(step + p + 1) for p in (-3, -2, -1)}


def log_probs(at, noise, noise_seed, ids):
    values = vector(f"logits {at}", len(ids), noise, noise_seed)
    listed = sorted(zip((-abs(v) for v in values), ids), key=lambda pair: (-pair[0], pair[1]))
    return {"token_ids": [i for _, i in listed], "log_probs": [float32(v) for v, _ in listed]}


def step_record(step, noise, noise_seed, token, reference_ids):
    def layers(kind, size):
        return {
            f"layer_{layer}": positions_of(
                step, lambda at: vector(f"{kind} {layer} {at}", size, noise, noise_seed))
            for layer in LAYERS
        }

    record = {
        "step": step,
        "token_id": token,
        "token_text": f"<{token}>",
        "hidden_states": layers("hidden", HIDDEN),
        "key_vectors": layers("key", KEYS),
        "logprobs": positions_of(
            step, lambda at: log_probs(at, noise, noise_seed,
                                       list(range(100 + int(noise * 40), 110 + int(noise * 40))))),
    }
    if reference_ids:
        record["fed_token_id"] = 1000 + step
        record["reference_log_probs"] = positions_of(
            step, lambda at: log_probs(at, noise, noise_seed, list(range(100, 110))))
    return record


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def configuration(config_id, hardware, value):
    return {
        "config_id": config_id,
        "hardware": hardware,
        "provider": "RunPod",
        "variable_value": value,
        "cuda_version": "12.8",
        "torch_version": "2.11.0",
        "transformers_version": None,
        "flash_attn_version": None,
        "python_version": None,
        "fixed_params": {"compile": False, "tp_size": 1},
    }


def experiment(name, variable, values, hardware, repetitions=3, forced=True, noises=None,
               tokens=None):
    """An experiment as a Python object; stored repetitions: all if not `forced`, else the last."""
    data = {
        "experiment_metadata": {
            "experiment_type": name,
            "variable_tested": variable,
            "model": "made-up",
            "model_size": "1K",
            "architecture": "MoE",
            "sequence_length": 200,
            "decode_steps": STEPS,
            "extraction_config": {"layers": LAYERS, "positions": [-3, -2, -1],
                                  "hidden_dim": HIDDEN, "key_dim": KEYS, "top_k_logprobs": 10},
            "date_created": "2026-01-01 00:00:00",
        },
        "configurations": [],
        "runs": [],
    }
    if forced:
        data["schema_version"] = 1
    for h, label in enumerate(hardware):
        for v, value in enumerate(values):
            short = label.split("-")[0]
            shared = sum(other.split("-")[0] == short for other in hardware) > 1
            config_id = f"{label if shared else short}_{value}"
            noise = (noises or [0, 0.001, 0.2, 0.05])[v % 4] + 0.01 * h
            noise_seed = f"{h} {v}"
            entry = configuration(config_id, label, value)
            if forced:
                entry.update(dtype="float32", reproducible=True, settings={"threads": 1},
                             decoding="forced" if v > 0 else "free",
                             timing={"mean_seconds": 1.5, "variance": 0.25, "repetitions": 3})
                if v == 0:
                    reference = digest(name, config_id)
                else:
                    entry["settings"]["reference_signals_sha256"] = reference
                entry["settings"]["threads"] = 1 if v == 0 else 2
                entry["settings"]["model_digest"] = digest(name, value)
                entry["timing"]["mean_seconds"] = 1.75 + 0.5 * v
            data["configurations"].append(entry)
            for rep in range(repetitions):
                run = {
                    "config_id": config_id,
                    "rep_id": rep,
                    "timestamp": "2026-01-01 00:00:00",
                    "runtime_seconds": 1.5 + 0.5 * v + 0.25 * rep,
                    "prompt_text": "Provide a summary of the text above. \u00e9\U0001f600\"\\",
                }
                if forced:
                    run["signals_sha256"] = digest(name, config_id)
                if not forced or rep == repetitions - 1:
                    own = (tokens or {}).get(config_id, [1000 + s for s in range(STEPS)])
                    run["decode_steps"] = [
                        step_record(s, noise, noise_seed, own[s], forced and v > 0)
                        for s in range(STEPS)
                    ]
                data["runs"].append(run)
    return data


def as_shortest(value):
    """The same object with its floats in shortest float32 text; NaN and infinities as strings."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
        return Shortest(value)
    if isinstance(value, dict):
        return {key: as_shortest(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_shortest(item) for item in value]
    return value


def write(directory, name, data, plan=False):
    # The pure-Python encoder asks a float subclass for its repr; the C one does not.
    json.encoder.c_make_encoder = None
    with open(os.path.join(directory, name), "w") as f:
        if plan:
            json.dump(data, f, indent=2)
        else:
            json.dump(as_shortest(data), f, separators=(",", ":"))


def write_all(directory):
    a100, h100, h200 = "A100-80GB", "H100", "H200"
    both = [a100, h100]
    write(directory, "reference_baseline.json",
          experiment("reference", "none", ["baseline"], both))
    write(directory, "batch_size_experiment.json",
          experiment("batch_size", "batch_size", [1, 2, 4], both))
    write(directory, "compile_experiment.json",
          experiment("compile", "compile", [True, False], [a100, "A100-40GB", h100], forced=False),
          plan=True)
    write(directory, "quantization_experiment.json",
          as_bfloat16(experiment("quantization", "quant_method", ["awq", "gptq", "bnb"],
                                 [a100, h100, h200, "emulated:H100"])))

    # Free decoding that parts after step 1 on one machine.
    attention = experiment("attention", "attention_impl", ["flash_attention_2", "eager"], both,
                           forced=False, tokens={"A100_eager": [1000, 7, *range(1002, 1000 + STEPS)]})
    # A missing step: what was fed after it is not known.
    for run in attention["runs"]:
        if run["config_id"] == "H100_eager":
            del run["decode_steps"][1]
    write(directory, "attention_experiment.json", attention, plan=True)

    # Values that are no numbers, a missing position, a vector of another length, a missing step.
    streams = experiment("concurrent_streams", "concurrent_work", [False, True], both, forced=False,
                         repetitions=1)
    steps = {run["config_id"]: run["decode_steps"] for run in streams["runs"]}
    steps["A100_True"][0]["hidden_states"]["layer_4"]["pos_-1"][3] = float("nan")
    steps["A100_True"][1]["hidden_states"]["layer_4"]["pos_-1"][0] = float("inf")
    steps["H100_True"][2]["key_vectors"]["layer_1"]["pos_-2"][0] = None
    del steps["H100_True"][2]["hidden_states"]["layer_2"]["pos_-3"]
    steps["H100_False"][1]["key_vectors"]["layer_4"]["pos_-1"].pop()
    del steps["H100_False"][3]
    streams["configurations"][1]["overlap"] = {
        "kernel": "matrix product", "workers": 2, "target_utilisation": 0.5, "utilisation": 0.25,
        "overlap_share": 0.75, "repetitions": [{"rep_id": 0, "intervals": [[0.0, 1.5]]}]}
    write(directory, "concurrent_streams_experiment.json", streams, plan=True)

    # One machine; two repetitions that differ in the sign of a zero.
    cuda = experiment("cuda_version", "cuda_version", ["12.8", "default", "11.8"], [a100],
                      forced=False, repetitions=2)
    cuda["configurations"][2].update(torch_version="2.5.1", cuda_version="11.8")
    cuda["configurations"][1]["settings"] = {"mkl": "2025", "env.MKL_CBWR": None}
    cuda["configurations"][2]["settings"] = {"mkl": "2024", "env.MKL_CBWR": "AVX2", "extra": 7}
    cuda["runs"][0]["decode_steps"][0]["key_vectors"]["layer_1"]["pos_-1"][0] = 0.0
    cuda["runs"][1]["decode_steps"][0]["key_vectors"]["layer_1"]["pos_-1"][0] = -0.0
    write(directory, "cuda_version_experiment.json", cuda)

    # The same bits on both machines at the baseline; identical variants.
    tensor = experiment("tensor_parallel", "tp_size", [1, 2, 4], [a100], noises=[0, 0, 0.5])
    twin = experiment("tensor_parallel", "tp_size", [1, 2, 4], ["H100"], noises=[0, 0, 0.5])
    tensor["configurations"] += twin["configurations"]
    tensor["runs"] += twin["runs"]
    # Said to be bfloat16, but for some layers it is not.
    as_bfloat16(tensor)
    for run in tensor["runs"]:
        for step in run.get("decode_steps", []):
            step["hidden_states"]["layer_2"]["pos_-1"][0] = 1.0009765625
    write(directory, "tensor_parallel_experiment.json", tensor)

    # Digests alone disagree; one configuration has no run, one lacks a step: the reference of its
    # own machine fed it, another's did not.
    expert = experiment("expert_parallel", "ep_size", [1, 2, 4], both)
    expert["runs"] = [run for run in expert["runs"] if run["config_id"] != "H100_4"]
    expert["runs"][0]["signals_sha256"] = digest("another")
    del next(run for run in expert["runs"]
             if run["config_id"] == "A100_2" and "decode_steps" in run)["decode_steps"][1]
    write(directory, "expert_parallel_experiment.json", expert)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    write_all(sys.argv[1])
