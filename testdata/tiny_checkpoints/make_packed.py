#!/usr/bin/env python3
"""Tiny checkpoints in GPTQ and bitsandbytes NF4 format, and what transformers computes from their weights in float32.

usage: make_packed.py OUT_DIR        needs torch 2.11.0, transformers 5.24.0, bitsandbytes 0.50.2, accelerate, safetensors

Beside make.py, whose models, weights and goldens these are (goldens.safetensors: see there):
  llama_gptq           version 1, act-order (g_idx in random order), a last group of fewer inputs than the others, biases
  qwen3_dense_gptq_v2  version 2 with zero points of 0 to 15, act-order, tied head
  llama_nf4            as transformers and bitsandbytes save it, largest magnitudes in float32, biases
  qwen3_dense_nf4      likewise, with double quantisation, one layer left unquantised
GPTQ tensors are packed here from their definition. NF4 weights are dequantised by bitsandbytes.
"""
import copy, os, shutil, sys
import torch
from safetensors.torch import save_file
from transformers import BitsAndBytesConfig, __version__ as transformers_version
from make import CASES, MARGIN, fill, goldens

GROUP = 16

def nibbles_to_words(n, axis):
    """Integers 0..15, eight neighbours along `axis` a word, the first in the lowest nibble."""
    n = n.movedim(axis, -1).unflatten(-1, (-1, 8)).to(torch.int64)
    words = (n << torch.arange(0, 32, 4)).sum(-1)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32).movedim(-1, axis).contiguous()

def gptq(weight, generator, v2):
    """The packed tensors of a weight [out, in], and the float32 weight that they stand for."""
    out, size = weight.shape
    order = torch.randperm(size, generator=generator)
    g_idx = torch.empty(size, dtype=torch.int32)
    g_idx[order] = torch.arange(size, dtype=torch.int32) // GROUP
    groups = int(g_idx.max()) + 1
    zeros = torch.randint(16, (groups, out), generator=generator) if v2 else torch.full((groups, out), 8)
    scales = torch.stack([weight[:, g_idx == g].abs().amax(1) / (12 if v2 else 7) for g in range(groups)]).half()
    z, s = zeros[g_idx.long()], scales.float()[g_idx.long()]                # [in, out]
    q = (weight.t() / s + z).round().clamp(0, 15).to(torch.int64)
    packed = {"qweight": nibbles_to_words(q, 0), "qzeros": nibbles_to_words(zeros - (0 if v2 else 1), 1),
              "scales": scales, "g_idx": g_idx}
    return packed, ((q - z).float() * s).t().contiguous()

def is_linear(name, module):
    return isinstance(module, torch.nn.Linear) and name != "lm_head"

def save_gptq(model, folder, generator, v2):
    tensors = {name: t.detach().clone() for name, t in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    for name, module in model.named_modules():
        if not is_linear(name, module):
            continue
        packed, exact = gptq(tensors.pop(name + ".weight").float(), generator, v2)
        tensors.update({f"{name}.{part}": t for part, t in packed.items()})
        module.weight.data = exact
    save_file({name: t.contiguous() for name, t in tensors.items()}, f"{folder}/model.safetensors", metadata={"format": "pt"})
    return {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": True, "sym": not v2,
            "checkpoint_format": "gptq_v2" if v2 else "gptq", "lm_head": False, "pack_dtype": "int32"}

def dequantize_nf4(w):
    """By bitsandbytes' definition: its AVX-512 kernel (0.50.2) is wrong for rows of 48 or 96 weights."""
    import bitsandbytes as bnb
    from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
    state = w.quant_state
    absmax = state.absmax
    if state.nested:
        absmax = bnb.functional.dequantize_blockwise(absmax, state.state2) + state.offset
    return _dequantize_4bit_compute(w.data.reshape(-1), absmax, state.code, state.blocksize, state.shape, torch.float32)

def save_nf4(model, folder, double, skip):
    """Quantises by way of transformers; `model` gets the dequantised weights."""
    model.save_pretrained(folder)
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double,
                                bnb_4bit_compute_dtype=torch.float32, llm_int8_skip_modules=skip)
    packed = type(model).from_pretrained(folder, quantization_config=config, dtype=torch.float32, device_map="cpu")
    packed.save_pretrained(folder)
    modules = dict(model.named_modules())
    for name, module in packed.named_modules():
        if hasattr(getattr(module, "weight", None), "quant_state"):
            modules[name].weight.data = dequantize_nf4(module.weight)

PACKED = {
    "llama_gptq": ("llama", lambda m, f, g: save_gptq(m, f, g, v2=False)),
    "qwen3_dense_gptq_v2": ("qwen3_dense", lambda m, f, g: save_gptq(m, f, g, v2=True)),
    "llama_nf4": ("llama", lambda m, f, g: save_nf4(m, f, False, ["lm_head"])),
    "qwen3_dense_nf4": ("qwen3_dense", lambda m, f, g: save_nf4(m, f, True, ["lm_head", "model.layers.1.mlp.down_proj"])),
}

def make(name, base, save, folder):
    case = CASES[base]
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        model = case["model"](copy.deepcopy(case["config"])).float().eval()
        model.set_attn_implementation("eager")
        fill(model, generator)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        quantization = save(model, folder, generator)
        ids = torch.randint(case["config"].vocab_size, (case["tokens"],), generator=generator)
        result, closest = goldens(model, ids)
        if closest > MARGIN:
            break
    if quantization is not None:
        model.config.architectures = [type(model).__name__]
        model.config.quantization_config = quantization
        model.config.save_pretrained(folder)
    exact, _ = goldens(model.double(), ids)
    for key, value in result.items():
        if not value.is_floating_point() and not torch.equal(value, exact[key]):
            raise SystemExit(f"{name}: {key} differs between float32 and float64")
    worst = max(float((v - exact[k]).abs().max()) for k, v in result.items() if v.is_floating_point())
    save_file({k: v.float() if v.is_floating_point() else v for k, v in result.items()}, f"{folder}/goldens.safetensors",
              metadata={"transformers": transformers_version, "torch": torch.__version__, "seed": str(seed),
                        "largest_difference_from_float64": f"{worst:.2e}"})
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    print(name, "seed", seed, "margin", f"{closest:.1e}", "float64", f"{worst:.1e}", "greedy", result["greedy_ids"].tolist(),
          sorted(os.listdir(folder)))

if __name__ == "__main__":
    for name, (base, save) in PACKED.items():
        make(name, base, save, f"{sys.argv[1]}/{name}")
