#!/usr/bin/env python3
"""Reference signals from transformers' own forward pass, float32, CPU.

usage: goldens.py FLOAT32_CHECKPOINT PROMPTS.json OUT_DIR VARIANT PROMPT_NAME...
       FLOAT32_CHECKPOINT is what dequantize.py writes; those of goldens/ are of the prompt chat_200, made with
       torch 2.11.0 and transformers 5.24.0 (awq_* with an earlier one; 5.24.0 gives the same bits).

For every prompt and for attn_implementation eager and sdpa one file VARIANT_PROMPT_ATTENTION.safetensors:
  input_ids [T]                     the prompt
  prefill.hidden [5,3,H]            output of decoder layers 1, 2, 4, 12, 13 (0-based; before the final norm), last 3 positions
  prefill.key [5,3,KV*D]            keys of those layers after k_norm and rotary embedding, heads concatenated
  prefill.experts [5,3,2], prefill.expert_weights [5,3,2]     the router's choice, heaviest first
  prefill.top_ids [3,10], prefill.top_logprobs [3,10]         next-token distribution at those positions
  greedy_ids [30]                   greedy continuation (end tokens do not stop it)
  greedy.top_ids [30,10], greedy.top_logprobs [30,10]         the distribution each of them was chosen from
  decode.hidden, decode.key         as in prefill, for the last 3 single-token steps (inputs greedy_ids[26..28])
"""
import json, os, sys
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, DynamicCache

LAYERS, LAST, STEPS = [1, 2, 4, 12, 13], 3, 30

class Capture:
    def __init__(self, model):
        self.hidden, self.router = {}, {}
        for i in LAYERS:
            layer = model.model.layers[i]
            layer.register_forward_hook(lambda m, a, out, i=i: self.hidden.__setitem__(i, (out[0] if isinstance(out, tuple) else out)[0]))
            layer.mlp.gate.register_forward_hook(lambda m, a, out, i=i: self.router.__setitem__(i, (out[2], out[1])))

def keys(cache):
    return torch.stack([cache.layers[i].keys[0].transpose(0, 1).flatten(1)[-LAST:] for i in LAYERS])

@torch.no_grad()
def case(model, capture, ids):
    cache = DynamicCache(config=model.config)
    x = torch.tensor([ids])
    logp = torch.log_softmax(model(x, past_key_values=cache, use_cache=True, logits_to_keep=LAST).logits[0].float(), -1)
    top = logp.topk(10, dim=-1)
    out = {"input_ids": x[0].int(), "prefill.hidden": torch.stack([capture.hidden[i][-LAST:] for i in LAYERS]), "prefill.key": keys(cache),
           "prefill.experts": torch.stack([capture.router[i][0][-LAST:] for i in LAYERS]).int(),
           "prefill.expert_weights": torch.stack([capture.router[i][1][-LAST:] for i in LAYERS]),
           "prefill.top_ids": top.indices.int(), "prefill.top_logprobs": top.values}
    row, tops, chosen, states = logp[-1], [], [], []
    for step in range(STEPS):
        tops.append(row.topk(10))
        chosen.append(int(tops[-1].indices[0]))
        if step + 1 < STEPS:
            row = torch.log_softmax(model(torch.tensor([[chosen[-1]]]), past_key_values=cache, use_cache=True).logits[0, -1].float(), -1)
            states.append(torch.stack([capture.hidden[i][-1] for i in LAYERS]))
    out.update({"greedy_ids": torch.tensor(chosen, dtype=torch.int32), "greedy.top_ids": torch.stack([t.indices for t in tops]).int(),
                "greedy.top_logprobs": torch.stack([t.values for t in tops]), "decode.hidden": torch.stack(states[-LAST:], dim=1),
                "decode.key": keys(cache)})
    return {k: v.contiguous().clone() for k, v in out.items()}

def main(folder, prompts, out, variant, *names):
    prompts = {p["name"]: p for p in json.load(open(prompts))["prompts"]}
    os.makedirs(out, exist_ok=True)
    results = {}
    for attention in ("eager", "sdpa"):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention, experts_implementation="eager").eval()
        capture = Capture(model)
        for name in names:
            r = results[name, attention] = case(model, capture, prompts[name]["ids"])
            save_file(r, f"{out}/{variant}_{name}_{attention}.safetensors",
                      metadata={"variant": variant, "prompt": name, "attention": attention, "dtype": "float32"})
    for name in names:
        a, b = results[name, "eager"], results[name, "sdpa"]
        print(variant, name, "eager against sdpa, largest difference:", {k: float(f"{(a[k] - b[k]).abs().max():.2e}") for k in a if a[k].is_floating_point()},
              "same tokens:", bool((a["greedy_ids"] == b["greedy_ids"]).all()), flush=True)

main(*sys.argv[1:])
