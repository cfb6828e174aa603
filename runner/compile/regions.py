"""The parts of a decoder that torch.compile fuses between products, attention and expert grouping.

Each module computes what transformers' modeling_qwen3_moe.py computes there (Qwen3MoeRMSNorm,
apply_rotary_pos_emb, Qwen3MoeTopKRouter, the MLP's activation), operation by operation and in its
rounding order. What becomes of that order is up to TorchInductor: it fuses a region into loops of
its own, with vectorised sums, and drops roundings to a 16-bit type between fused operations.

Weights are inputs, so that one package serves all layers. Shapes: rows = batch * tokens.
"""

import torch
from torch import nn
from torch.export import Dim

MOST_ROWS = 1 << 20


def rms_norm(x, weight, eps):
    wide = x.to(torch.float32)
    variance = wide.pow(2).mean(-1, keepdim=True)
    return weight * (wide * torch.rsqrt(variance + eps)).to(x.dtype)


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def contiguous(x):
    """As x.contiguous(), but without its question about strides, which one token would answer."""
    return x.clone(memory_format=torch.contiguous_format)


class Norm(nn.Module):
    """x [rows, hidden], weight [hidden] -> the norm."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x, weight):
        return rms_norm(x, weight, self.eps)


class AddNorm(nn.Module):
    """residual, x [rows, hidden], weight [hidden] -> their sum, and its norm.

    Serves the residual before the MLP, and the one across the border to the next layer.
    """

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, residual, x, weight):
        hidden = residual + x
        return hidden, rms_norm(hidden, weight, self.eps)


class SplitHeads(nn.Module):
    """qkv [batch, tokens, (heads + 2 * kv_heads) * head_dim], cos and sin [tokens, head_dim / 2]
    float32, and with qk_norm the norms' weights [head_dim] -> queries [batch, heads, tokens,
    head_dim], keys and values [batch, kv_heads, tokens, head_dim].
    """

    def __init__(self, heads, kv_heads, head_dim, eps):
        super().__init__()
        self.sizes = [heads * head_dim, kv_heads * head_dim, kv_heads * head_dim]
        self.head_dim = head_dim
        self.eps = eps

    def heads(self, x, weight):
        x = x.unflatten(-1, (-1, self.head_dim))
        return (x if weight is None else rms_norm(x, weight, self.eps)).transpose(1, 2)

    def forward(self, qkv, cos, sin, query_norm=None, key_norm=None):
        query, key, value = qkv.split(self.sizes, dim=-1)
        cos = torch.cat((cos, cos), dim=-1).to(qkv.dtype)
        sin = torch.cat((sin, sin), dim=-1).to(qkv.dtype)
        query = self.heads(query, query_norm)
        key = self.heads(key, key_norm)
        return (
            contiguous(query * cos + rotate_half(query) * sin),
            contiguous(key * cos + rotate_half(key) * sin),
            contiguous(self.heads(value, None)),
        )


class Route(nn.Module):
    """logits [rows, experts] -> experts [rows, slots] int32, weights [rows, slots]."""

    def __init__(self, slots, normalise):
        super().__init__()
        self.slots = slots
        self.normalise = normalise

    def forward(self, logits):
        probabilities = torch.softmax(logits, dim=-1, dtype=torch.float32)
        weights, experts = torch.topk(probabilities, self.slots, dim=-1)
        if self.normalise:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        return experts.to(torch.int32), weights.to(logits.dtype)


class SwiGlu(nn.Module):
    """gate_up [rows, 2 * width], gates first -> [rows, width]."""

    def forward(self, gate_up):
        gate, up = gate_up.chunk(2, dim=-1)
        return nn.functional.silu(gate) * up


def regions(dims, dtype, device="cpu"):
    """{name: (module, example inputs, dynamic shapes)} of a model; dims as PackageKey has them.

    The examples' sizes are what TorchInductor lays its loops out for; any number of rows from 1
    on is allowed.
    """
    hidden, heads, kv_heads, head_dim = (
        dims[name] for name in ["hidden", "heads", "kv_heads", "head_dim"]
    )
    eps = dims["eps"]
    rows = Dim("rows", min=1, max=MOST_ROWS)
    batch = Dim("batch", min=1, max=MOST_ROWS)
    tokens = Dim("tokens", min=1, max=MOST_ROWS)

    def example(*shape, of=dtype):
        return torch.zeros(shape, dtype=of, device=device)

    weight = example(hidden)
    x, residual = example(512, hidden), example(512, hidden)
    qkv = example(3, 512, (heads + 2 * kv_heads) * head_dim)
    table = [example(512, head_dim // 2, of=torch.float32) for _ in range(2)]
    head_norms = [example(head_dim) for _ in range(2 if dims["qk_norm"] else 0)]
    found = {
        "norm": (Norm(eps), (x, weight), ({0: rows}, None)),
        "add_norm": (AddNorm(eps), (residual, x, weight), ({0: rows}, {0: rows}, None)),
        "split_heads": (
            SplitHeads(heads, kv_heads, head_dim, eps),
            (qkv, *table, *head_norms),
            ({0: batch, 1: tokens}, {0: tokens}, {0: tokens}, *[None for _ in head_norms]),
        ),
    }
    if dims["experts"]:
        route = Route(dims["slots"], bool(dims["normalise"]))
        found["route"] = (route, (example(512, dims["experts"]),), ({0: rows},))
    for width in dims["widths"]:
        found["swiglu_%d" % width] = (SwiGlu(), (example(512, 2 * width),), ({0: rows},))
    return found
