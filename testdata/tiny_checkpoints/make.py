#!/usr/bin/env python3
"""Tiny checkpoints with random weights, saved by transformers, and what transformers computes from them in float32.

usage: make.py OUT_DIR        needs torch 2.11.0, transformers 4.57.1, safetensors

For each of qwen3_moe_untied, qwen3_dense and llama: config.json, the weight files, and goldens.safetensors (float32 and int32; L layers,
T prompt tokens, S generated tokens, H hidden size, KV * D key/value heads x head_dim, M layers with experts, k experts a token):
  input_ids [T]                                               the prompt
  prefill.hidden [L, T, H]                                    output of every decoder layer, before the final norm
  prefill.key [L, T, KV*D]                                    keys after k_norm and rotary embedding, heads concatenated
  prefill.top_ids [T, 10], prefill.top_logprobs [T, 10]       the ten likeliest next tokens at every position, descending
  prefill.experts [M, T, k], prefill.expert_weights [M, T, k] the router's choice, heaviest first (qwen3_moe_untied alone)
  greedy_ids [S]                                              greedy continuation
  greedy.top_ids [S, 10], greedy.top_logprobs [S, 10]         the distribution that each of them was chosen from
  decode.hidden [L, S-1, H], decode.key [L, S-1, KV*D]        of the steps that feed greedy_ids[0..S-2], one token each

The weights are not the library's small initial ones: activations, attention and logits spread as in a trained model, so that a wrong
norm, head order, rotary angle or expert shows. Seeds whose order of tokens or experts hangs on rounding are passed over. The metadata of the
goldens holds the largest difference between this float32 forward pass and the same in float64.
"""
import os, shutil, sys
import torch
from safetensors.torch import save_file
from transformers import (DynamicCache, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig,
                          Qwen3MoeForCausalLM, __version__ as transformers_version)

STEPS, TOP = 8, 10
MARGIN = 1e-4    # between neighbours among the top 11 log-probabilities, and between the last expert in and the first one out

CASES = {
    # Heads wider than hidden_size / heads, one dense layer, weights not renormalised over the chosen experts, four shards.
    "qwen3_moe_untied": dict(
        model=Qwen3MoeForCausalLM, dtype=torch.bfloat16, tokens=48, shard="160KB",
        config=Qwen3MoeConfig(vocab_size=320, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=4,
                              num_key_value_heads=2, head_dim=24, moe_intermediate_size=40, num_experts=6, num_experts_per_tok=3,
                              norm_topk_prob=False, mlp_only_layers=[1], decoder_sparse_step=1, max_position_embeddings=512,
                              rope_theta=1e6, tie_word_embeddings=False)),
    "qwen3_dense": dict(
        model=Qwen3ForCausalLM, dtype=torch.float16, tokens=40, shard="5GB",
        config=Qwen3Config(vocab_size=288, hidden_size=48, intermediate_size=136, num_hidden_layers=3, num_attention_heads=6,
                           num_key_value_heads=3, head_dim=16, max_position_embeddings=512, rope_theta=1e6, tie_word_embeddings=True)),
    # The prompt is longer than original_max_position_embeddings, whose wavelengths fall into all three classes of the scaling.
    "llama": dict(
        model=LlamaForCausalLM, dtype=torch.float32, tokens=80, shard="5GB",
        config=LlamaConfig(vocab_size=256, hidden_size=64, intermediate_size=88, num_hidden_layers=3, num_attention_heads=4,
                           num_key_value_heads=1, max_position_embeddings=512, rope_theta=10000.0, rms_norm_eps=1e-5,
                           attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
                           rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                         "original_max_position_embeddings": 64})),
}

def fill(model, generator):
    """Weights of a trained model's magnitude: rows that keep a unit input near unit size, norms scattered around one."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if name.endswith("bias"):
            p.data = 0.3 * noise
        elif p.dim() == 1:
            centre = 1.6 if "q_norm" in name or "k_norm" in name else 1.0
            p.data = centre + 0.25 * noise
        elif "embed_tokens" in name:
            p.data = 0.5 * noise
        else:
            gain = 3.0 if "lm_head" in name else 2.0 if name.endswith(("mlp.gate.weight", "q_proj.weight")) else 1.0
            p.data = gain * noise / p.shape[1] ** 0.5
    model.tie_weights()

class Capture:
    """What every layer puts out in the last forward pass."""
    def __init__(self, model):
        self.hidden, self.router = {}, {}
        for i, layer in enumerate(model.model.layers):
            layer.register_forward_hook(lambda m, a, out, i=i: self.hidden.__setitem__(i, (out[0] if isinstance(out, tuple) else out)[0]))
            if hasattr(layer.mlp, "gate"):
                layer.mlp.gate.register_forward_hook(lambda m, a, out, i=i: self.router.__setitem__(i, out))

def margin(values, count):
    ordered = values.sort(dim=-1, descending=True).values
    gaps = ordered[..., :count] - ordered[..., 1:count + 1]
    return float(gaps.min())

@torch.no_grad()
def goldens(model, ids):
    capture, cache = Capture(model), DynamicCache(config=model.config)
    config = model.config
    stack = lambda: torch.stack([capture.hidden[i] for i in range(config.num_hidden_layers)])
    logp = torch.log_softmax(model(ids[None], past_key_values=cache).logits[0], -1)
    top = logp.topk(TOP)
    out = {"input_ids": ids.int(), "prefill.hidden": stack(), "prefill.top_ids": top.indices.int(), "prefill.top_logprobs": top.values}
    closest = margin(logp, TOP)
    if capture.router:
        router = torch.stack([capture.router[i] for i in sorted(capture.router)]).softmax(-1)
        chosen = router.topk(config.num_experts_per_tok)
        out["prefill.experts"], out["prefill.expert_weights"] = chosen.indices.int(), chosen.values
        closest = min(closest, margin(router, config.num_experts_per_tok))
    row, rows, chosen, states = logp[-1], [], [], []
    for step in range(STEPS):
        rows.append(row)
        chosen.append(int(row.argmax()))
        if step + 1 < STEPS:
            row = torch.log_softmax(model(torch.tensor([[chosen[-1]]]), past_key_values=cache).logits[0, -1], -1)
            states.append(stack()[:, -1])
    rows = torch.stack(rows)
    closest = min(closest, margin(rows, TOP))
    keys = torch.stack([layer.keys[0].transpose(0, 1).flatten(1) for layer in cache.layers])
    out.update({"prefill.key": keys[:, :len(ids)], "decode.key": keys[:, len(ids):], "decode.hidden": torch.stack(states, dim=1),
                "greedy_ids": torch.tensor(chosen, dtype=torch.int32), "greedy.top_ids": rows.topk(TOP).indices.int(),
                "greedy.top_logprobs": rows.topk(TOP).values})
    return {name: value.contiguous().clone() for name, value in out.items()}, closest

def load(case, folder, dtype, attention):
    return case["model"].from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()

def make(name, case, folder):
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        model = case["model"](case["config"])
        fill(model, generator)
        shutil.rmtree(folder, ignore_errors=True)
        model.to(case["dtype"]).save_pretrained(folder, max_shard_size=case["shard"])
        ids = torch.randint(case["config"].vocab_size, (case["tokens"],), generator=generator)
        result, closest = goldens(load(case, folder, torch.float32, "eager"), ids)
        if closest > MARGIN:
            break
    worst = {}
    for attention, dtype in (("sdpa", torch.float32), ("eager", torch.float64)):
        other, _ = goldens(load(case, folder, dtype, attention), ids)
        for key, value in result.items():
            if value.is_floating_point():
                worst[attention, key] = float((value - other[key]).abs().max())
            elif not torch.equal(value, other[key]):
                raise SystemExit(f"{name}: {key} differs between eager float32 and {attention} {dtype}")
    exact = max(v for (attention, _), v in worst.items() if attention == "eager")
    save_file(result, f"{folder}/goldens.safetensors",
              metadata={"transformers": transformers_version, "torch": torch.__version__, "seed": str(seed),
                        "largest_difference_from_float64": f"{exact:.2e}"})
    os.remove(f"{folder}/generation_config.json")
    print(name, "seed", seed, "margin", f"{closest:.1e}", "greedy", result["greedy_ids"].tolist())
    print("  hidden rms by layer", [round(float(h.square().mean().sqrt()), 2) for h in result["prefill.hidden"]],
          "top log-prob", round(float(result["prefill.top_logprobs"][:, 0].mean()), 2),
          "tenth", round(float(result["prefill.top_logprobs"][:, 9].mean()), 2))
    print("  largest differences", {f"{a} {k}": f"{v:.1e}" for (a, k), v in worst.items()})

if __name__ == "__main__":
    for name, case in CASES.items():
        make(name, case, f"{sys.argv[1]}/{name}")
