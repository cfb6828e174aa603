"""Measures how cuBLAS splits k: lines of split_k.inc and samples of products, on the GPU of this machine.

    CUBLAS_WORKSPACE_CONFIG=:4096:8 python3 measure_products.py H100 OUTPUT_DIR

needs a python3 with the torch that the runner is built with, and takes about two minutes. It writes
split_k.inc, and product_samples_h100.json and .bin as testdata/hopper/README.md describes them.

How a split shows: column j of w has 1.5 * 2^24 first, as much negative last, and between them, at
place q(j), three quarters of the first one's last place. Where q(j) is in the first range of k, the
small number is cut off when it is added; in any other range its sum is added in float32, rounded,
and leaves one last place. The first q(j) that leaves something is the first range's end.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

# Those of Qwen3-MoE models (30B-A3B, 235B-A22B, 480B-A35B) and between them. No product with k up to
# 2560 was split: 592 pairs of 37 n from 8 to 151936 and 16 k from 128 on, in both types.
WIDTHS = [256, 512, 768, 1024, 1536, 2048, 3072, 4096, 5120, 6144, 8192, 9216, 12288, 14336, 151936]
DEPTHS = [3072, 4096, 6144, 8192, 12288]
SHORT_DEPTHS = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 2560]
UNALIGNED = [(n, k) for k in (100, 500, 1001, 1004, 2048) for n in (60, 257, 1001, 1024) if n % 8 or k % 8]

MOST_ROWS = 6144
MOST_WORK = 3e12  # multiplications of one product
MOST_WEIGHTS = 940_000_000
ROWS_AT_ONCE = 800  # numbers of rows in which nothing is split: beyond, a few are looked at
TILE = 64

TYPES = {"bfloat16": (torch.bfloat16, "kBfloat16"), "float16": (torch.float16, "kFloat16")}


def splitmix_inputs(seed, count, dtype):
    """As MeasuredInputs (measured_inputs.h)."""

    def signed(value):
        return value - (1 << 64) if value >= 1 << 63 else value

    def shifted(x, bits):
        return (x >> bits) & ((1 << (64 - bits)) - 1)

    x = torch.arange(count, device="cuda", dtype=torch.int64) + (seed << 32)
    x = x * signed(0x9E3779B97F4A7C15) + signed(0x9E3779B97F4A7C15)
    x = (x ^ shifted(x, 30)) * signed(0xBF58476D1CE4E5B9)
    x = (x ^ shifted(x, 27)) * signed(0x94D049BB133111EB)
    x = x ^ shifted(x, 31)
    return ((shifted(x, 40) - (1 << 23)).to(torch.float32) * 2.0**-23).to(dtype)


class Buffers:
    """Memory of the largest x and w, taken once."""

    def __init__(self):
        self._x = torch.empty(MOST_ROWS * max(DEPTHS), device="cuda", dtype=torch.int16)
        self._w = torch.empty(MOST_WEIGHTS, device="cuda", dtype=torch.int16)

    def x(self, k, dtype):
        return self._x[: MOST_ROWS * k].view(dtype).view(MOST_ROWS, k)

    def w(self, n, k, dtype):
        return self._w[: n * k].view(dtype).view(n, k)


def first_range_ends(x, w, places, rows):
    """For each number of rows the first place that is not in the first range of k; k: there is none."""
    ends = torch.empty(len(rows), dtype=torch.int64, device="cuda")
    for i, m in enumerate(rows):
        ends[i] = torch.where(F.linear(x[:m], w)[0] != 0, places, w.shape[1]).min()
    return ends.tolist()


def measure_split(buffers, n, k, dtype):
    """[(most rows, tiles of a range or None)], ascending."""
    x, w = buffers.x(k, dtype), buffers.w(n, k, dtype)
    step = max(16, -(-k // n // 16) * 16)
    if step > TILE:
        raise ValueError("n = %d is too narrow to find a tile of k = %d" % (n, k))
    column = torch.arange(n, device="cuda")
    places = column % ((k - 32) // step) * step + step // 2
    x.fill_(1.0)
    x[:, 0] = x[:, -1] = 2.0**12
    w.zero_()
    w[column, places] = 1.5
    w[:, 0], w[:, -1] = 1.5 * 2.0**12, -1.5 * 2.0**12
    limits = []
    most_rows = int(min(MOST_ROWS, MOST_WORK // (n * k)))
    for begin in range(1, most_rows + 1, ROWS_AT_ONCE):
        rows = range(begin, min(begin + ROWS_AT_ONCE, most_rows + 1))
        ends = first_range_ends(x, w, places, rows)
        for m, end in zip(rows, ends):
            tiles = None if end >= k - TILE else end // TILE
            if limits and limits[-1][1] == tiles:
                limits[-1] = (m, tiles)
            else:
                limits.append((m, tiles))
        if begin > 1 and min(ends) >= k - TILE:
            break
    beyond = [m for m in (1024, 1280, 1536, 2048, 3072, 4096, 6144) if limits[-1][0] < m <= most_rows]
    if limits[-1][1] is None and beyond:
        if min(first_range_ends(x, w, places, beyond)) < k - TILE:
            raise ValueError("n = %d, k = %d: split beyond %d rows" % (n, k, limits[-1][0]))
        limits[-1] = (beyond[-1], None)
    return limits


def sample(buffers, m, n, k, dtype):
    """The first row of x w^T, of at most 64 columns; x of seed 1, w of seed 2."""
    columns = min(n, 64)
    x, w = buffers.x(k, dtype), buffers.w(n, k, dtype)
    x[:m] = splitmix_inputs(1, m * k, dtype).view(m, k)
    w.zero_()
    w[:columns] = splitmix_inputs(2, columns * k, dtype).view(columns, k)
    return F.linear(x[:m], w)[0, :columns].view(torch.int16).cpu().numpy().astype("<i2").tobytes()


def main():
    gpu, output = sys.argv[1:]
    if os.environ.get("CUBLAS_WORKSPACE_CONFIG") != ":4096:8":
        sys.exit("measure_products: expected CUBLAS_WORKSPACE_CONFIG=:4096:8, as the runner sets it")
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    buffers = Buffers()
    lines, samples, data = [], [], b""
    for name, (dtype, constant) in TYPES.items():
        wanted = [(m, n, k) for k in SHORT_DEPTHS for n in WIDTHS for m in (2, 17, 300)]
        wanted += [(m, n, k) for n, k in UNALIGNED for m in (1, 3, 8, 64)]
        for k in DEPTHS:
            for n in WIDTHS:
                if n * k > MOST_WEIGHTS:
                    continue
                limits = measure_split(buffers, n, k, dtype)
                text = " ".join("%d:%s" % (m, tiles or "-") for m, tiles in limits)
                lines.append('{"%s", InputFormat::%s, %d, %d, "%s"},' % (gpu, constant, n, k, text))
                by_recipe = {tiles: m for m, tiles in reversed(limits) if m <= 300}
                wanted += [(m, n, k) for m in by_recipe.values()]
        for m, n, k in wanted:
            samples.append([name, m, n, k, min(n, 64)])
            data += sample(buffers, m, n, k, dtype)
    with open(os.path.join(output, "split_k.inc"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(output, "product_samples_%s.json" % gpu.lower()), "w") as f:
        f.write('{"device": %s, "cuda": "%s", "torch": "%s",\n"samples": [\n%s\n]}\n' % (
            json.dumps(torch.cuda.get_device_name()), torch.version.cuda, torch.__version__,
            ",\n".join(json.dumps(entry) for entry in samples)))  # fmt: skip
    with open(os.path.join(output, "product_samples_%s.bin" % gpu.lower()), "wb") as f:
        f.write(data)


if __name__ == "__main__":
    main()
