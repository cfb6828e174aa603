"""Reads experiment files with Python's json module and looks up every field of the plan's schema.

check_plan_fields.py FILE...: exits 1 with what is missing or of another type.
"""
import json
import struct
import sys

METADATA = {
    "experiment_type": str, "variable_tested": str, "model": str, "model_size": str,
    "architecture": str, "sequence_length": int, "decode_steps": int, "date_created": str,
}
EXTRACTION = {"layers": list, "positions": list, "hidden_dim": int, "key_dim": int,
              "top_k_logprobs": int}
CONFIGURATION = {
    "config_id": str, "hardware": str, "provider": str, "variable_value": (int, bool, str),
    "cuda_version": str, "torch_version": str, "transformers_version": type(None),
    "flash_attn_version": type(None), "python_version": type(None), "fixed_params": dict,
}
RUN = {"config_id": str, "rep_id": int, "timestamp": str, "runtime_seconds": (int, float),
       "prompt_text": str}
STEP = {"step": int, "token_id": int, "token_text": str, "hidden_states": dict,
        "key_vectors": dict, "logprobs": dict}
SPECIAL = {"NaN", "Infinity", "-Infinity"}


def check(value, fields, where):
    for name, kind in fields.items():
        assert name in value, f"{where}: no {name}"
        assert isinstance(value[name], kind), f"{where}: {name} is {value[name]!r}"


def check_vector(vector, length, where):
    assert len(vector) == length, f"{where}: {len(vector)} elements, expected {length}"
    for element in vector:
        if element in SPECIAL:
            continue
        narrow = struct.unpack("f", struct.pack("f", element))[0]
        assert abs(narrow - element) <= abs(element) * 1e-7, f"{where}: {element}"


def check_step(step, extraction, where):
    check(step, STEP, where)
    positions = [f"pos_{p}" for p in extraction["positions"]]
    for signal, length in (("hidden_states", extraction["hidden_dim"]),
                           ("key_vectors", extraction["key_dim"])):
        for layer in extraction["layers"]:
            for position in positions:
                check_vector(step[signal][f"layer_{layer}"][position], length, where)
    for position in positions:
        log_probs = step["logprobs"][position]
        assert len(log_probs["token_ids"]) == extraction["top_k_logprobs"], where
        check_vector(log_probs["log_probs"], extraction["top_k_logprobs"], where)


def check_file(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    metadata = data["experiment_metadata"]
    check(metadata, METADATA, path)
    check(metadata["extraction_config"], EXTRACTION, path)
    ids = [configuration["config_id"] for configuration in data["configurations"]]
    assert ids and len(set(ids)) == len(ids), f"{path}: config ids {ids}"
    for configuration in data["configurations"]:
        check(configuration, CONFIGURATION, path)
    for config_id in ids:
        runs = [run for run in data["runs"] if run["config_id"] == config_id]
        assert len(runs) == 3, f"{path}: {len(runs)} runs of {config_id}"
        stored = [run for run in runs if "decode_steps" in run]
        assert stored == [runs[-1]], f"{path}: {len(stored)} stored runs of {config_id}"
        for run in runs:
            check(run, RUN, path)
        assert len(runs[-1]["decode_steps"]) == metadata["decode_steps"], path
        for number, step in enumerate(runs[-1]["decode_steps"]):
            assert step["step"] == number, path
            check_step(step, metadata["extraction_config"], path)


for name in sys.argv[1:]:
    check_file(name)
print(len(sys.argv) - 1, "files hold every field of the plan")
