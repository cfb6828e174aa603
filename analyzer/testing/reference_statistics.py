"""Figures of pairs of float32 vectors for reference_analysis.py: plain Python, exact sums."""

import math
import struct


def float_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def from_bits(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def norm(values):
    return math.sqrt(math.fsum(v * v for v in values))


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else None


def ordered(bits):
    """Bits of a float32 as an integer that grows with it."""
    return bits if bits < 1 << 31 else (1 << 31) - bits


def cosine(one, two):
    if norm(one) == 0 or norm(two) == 0:
        return None
    if list(map(float_bits, one)) == list(map(float_bits, two)):
        return 1
    return max(-1, min(1, math.fsum(a * b for a, b in zip(one, two)) / norm(one) / norm(two)))


def summary(name, values):
    values = [v for v in values if v is not None]
    return {name: mean(values), f"{name}_min": min(values, default=None),
            f"{name}_max": max(values, default=None), f"{name}_n": len(values)}


def ulp_figures(bits, bfloat16):
    """Of pairs of bit patterns. bfloat16: if all of them are bfloat16 numbers, in its steps."""
    bfloat16 = bfloat16 and not any(pattern % 65536 for pair in bits for pattern in pair)
    steps = [abs(ordered(a) - ordered(b)) // (65536 if bfloat16 else 1) for a, b in bits]
    histogram = [0] * 40
    for step in steps:
        histogram[step.bit_length()] += 1
    while histogram and histogram[-1] == 0:
        histogram.pop()
    return {"number_format": "bfloat16" if bfloat16 else "float32",
            "largest": max(steps, default=None),
            "mean": sum(steps) / len(steps) if steps else None, "histogram": histogram}


def changed_part(a, b):
    """The foremost part of two bit patterns that differs."""
    if a >> 31 != b >> 31:
        return "sign"
    return "exponent" if a >> 23 != b >> 23 else "mantissa"


def phase_figures(vectors, bfloat16):
    """Of (distance, one, two) a distinct position, under the report's names."""
    pairs = [pair for _, one, two in vectors for pair in zip(one, two)]
    bits = [(float_bits(a), float_bits(b)) for a, b in pairs]
    parts = [changed_part(a, b) for a, b in bits if a != b]
    return {
        **summary("l2_distance", [d for d, _, _ in vectors]),
        **summary("relative_l2", [d / norm(one) if norm(one) > 0 else None
                                  for d, one, _ in vectors]),
        **summary("cosine", [cosine(one, two) for _, one, two in vectors]),
        "largest_absolute": max((abs(a - b) for a, b in pairs), default=None),
        "ulps": ulp_figures(bits, bfloat16),
        "elements": len(pairs),
        "elements_changed": len(parts),
        "share_changed": len(parts) / len(pairs) if pairs else None,
        "sign_changed": parts.count("sign"),
        "exponent_changed": parts.count("exponent"),
        "mantissa_changed": parts.count("mantissa"),
    }
