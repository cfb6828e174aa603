"""Writes a library of experiment files and unlabelled runs whose origin is known.

make_attribution_library.py DIRECTORY writes DIRECTORY/library (three experiments on two hardware,
each with the reference's runs, as the collector writes them) and DIRECTORY/unknown. A run is a
common signal, moved by its value, by its hardware and by the two together.
"""

import copy
import json
import os
import random
import sys

from make_experiments import as_shortest, configuration, float32, positions_of

LAYERS, STEPS, SIZE, IDS = [1, 2], 8, 12, 6
HARDWARE = ["Tensor Box 9", "H100"]
REFERENCE = "reference"
# The sizes of what moves a signal, relative to a change of hardware.
EFFECTS = {REFERENCE: 0, "gptq": 30, "bnb": 40, "eager": 5, "nowhere": 1000}


def field(seed, size):
    values = random.Random(seed)
    return [size * values.gauss(0, 1) for _ in range(SIZE)]


def vector(place, value, hardware):
    parts = [field(place, 10), field(f"{place} {value}", EFFECTS[value]),
             field(f"{place} on {hardware}", 1), field(f"{place} {value} on {hardware}", 0.3)]
    return [float32(sum(elements)) for elements in zip(*parts)]


def log_probs(at, value, hardware):
    values = vector(f"logits {at}", value, hardware)[:IDS]
    return {"token_ids": list(range(100, 100 + IDS)), "log_probs": [-abs(v) for v in values]}


def run(config_id, value, hardware, seconds):
    steps = []
    for s in range(STEPS):
        steps.append({"step": s, "token_id": 1000 + s, "token_text": f"<{s}>"})
        for kind in ("hidden_states", "key_vectors"):
            steps[-1][kind] = {
                f"layer_{layer}": positions_of(
                    s, lambda at: vector(f"{kind} {layer} {at}", value, hardware))
                for layer in LAYERS}
        steps[-1]["logprobs"] = positions_of(s, lambda at: log_probs(at, value, hardware))
    return {"config_id": config_id, "rep_id": 0, "timestamp": "2026-01-01 00:00:00",
            "runtime_seconds": seconds, "prompt_text": "Provide a summary.", "decode_steps": steps}


def experiment(name, variable, values):
    """`values`: name in the file, which effect it has, seconds that it takes."""
    data = {
        "experiment_metadata": {
            "experiment_type": name, "variable_tested": variable, "model": "made-up",
            "sequence_length": 200, "decode_steps": STEPS,
            "extraction_config": {"layers": LAYERS, "positions": [-3, -2, -1]}},
        "configurations": [], "runs": []}
    for hardware in HARDWARE:
        for value, effect, seconds in values:
            config_id = f"{hardware.split()[0]}_{value}"
            data["configurations"].append(configuration(config_id, hardware, value))
            data["runs"].append(run(config_id, effect, hardware, seconds))
    return data


def unlabelled(value, hardware):
    data = experiment("unknown", "unknown", [])
    data["configurations"] = [configuration("X1", "unknown", "unknown")]
    data["runs"] = [run("X1", value, hardware, 3.5)]
    return data


def unknowns():
    """File name to content."""
    known = {
        "gptq_h100": unlabelled("gptq", "H100"),
        "reference_h100": unlabelled(REFERENCE, "H100"),
        "gptq_elsewhere": unlabelled("gptq", "new hardware"),
        "eager_elsewhere": unlabelled("eager", "new hardware"),
        "nowhere": unlabelled("nowhere", "H100"),
    }
    base = known["gptq_elsewhere"]

    log_probs_alone = copy.deepcopy(base)
    for step in log_probs_alone["runs"][0]["decode_steps"]:
        del step["hidden_states"], step["key_vectors"]

    # Other tokens are fed after step 2: what follows is not comparable.
    parted = copy.deepcopy(base)
    for step in parted["runs"][0]["decode_steps"][2:]:
        step["token_id"] += 7
    for step in parted["runs"][0]["decode_steps"][3:]:
        step["hidden_states"]["layer_1"]["pos_-1"] = [1e6] * SIZE

    not_finite = copy.deepcopy(base)
    steps = not_finite["runs"][0]["decode_steps"]
    for s, p in ((2, -1), (3, -2), (4, -3)):
        steps[s]["hidden_states"]["layer_1"][f"pos_{p}"][3] = float("nan")
    steps[7]["key_vectors"]["layer_2"]["pos_-1"][0] = float("inf")

    other_prompt = copy.deepcopy(base)
    other_prompt["runs"][0]["prompt_text"] = "Another text."
    return dict(known, log_probs_alone=log_probs_alone, parted=parted, not_finite=not_finite,
                other_prompt=other_prompt)


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as f:
        json.dump(as_shortest(data), f)


def write_all(folder):
    # The pure-Python encoder asks a float subclass for its repr; the C one does not.
    json.encoder.c_make_encoder = None
    library = os.path.join(folder, "library")
    write(library, "quantization_experiment.json", experiment(
        "quantization", "quant_method",
        [("awq", REFERENCE, 1.5), ("gptq", "gptq", 2.0), ("bnb", "bnb", 2.5)]))
    write(library, "attention_experiment.json", experiment(
        "attention", "attention_impl",
        [("flash_attention_2", REFERENCE, 1.5), ("eager", "eager", 2.25)]))
    # Concurrent work leaves no bits, only time.
    write(library, "concurrent_streams_experiment.json", experiment(
        "concurrent_streams", "concurrent_work",
        [(False, REFERENCE, 1.5), (True, REFERENCE, 3.0)]))
    for name, data in unknowns().items():
        write(os.path.join(folder, "unknown"), f"{name}.json", data)


if __name__ == "__main__":
    write_all(sys.argv[1])
