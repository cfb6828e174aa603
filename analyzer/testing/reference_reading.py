"""Reads experiment files for reference_analysis.py: every number as the float32 nearest to its decimal."""

import fractions
import json
import math
import struct

from reference_statistics import float_bits, from_bits


def nearest_float32(text):
    double = float(text)
    try:
        guess = struct.unpack("<f", struct.pack("<f", double))[0]
    except OverflowError:
        return math.copysign(math.inf, double)
    if not math.isfinite(guess) or guess == 0 or guess == double:
        return guess
    exact = fractions.Fraction(text)
    bits = float_bits(guess)
    near = [value for value in map(from_bits, (bits - 1, bits, bits + 1)) if math.isfinite(value)]
    return min(near, key=lambda v: (abs(fractions.Fraction(v) - exact), float_bits(v) & 1))


class Decimal(float):
    """The float32 nearest to a decimal; its `double` is the nearest float64, for what is no signal."""

    def __new__(cls, text):
        value = super().__new__(cls, nearest_float32(text))
        value.double = float(text)
        return value


def doubles(value):
    """What was read, with every decimal as the float64 nearest to it."""
    if isinstance(value, dict):
        return {name: doubles(v) for name, v in value.items()}
    if isinstance(value, list):
        return [doubles(v) for v in value]
    return getattr(value, "double", value)


def read(path):
    with open(path) as f:
        return json.load(f, parse_float=Decimal,
                         parse_int=lambda text: -0.0 if text == "-0" else int(text))


def number(element):
    """An element of a vector: a float, NaN for what is missing."""
    if element is None:
        return math.nan
    return float(element)  # "NaN", "Infinity", "-Infinity" too


def vector_at(step, signal, layer, position):
    vector = ((step.get(signal) or {}).get(f"layer_{layer}") or {}).get(position)
    return [number(element) for element in vector] if vector else None


def log_probs_at(step, kind, position):
    lists = (step.get(kind) or {}).get(position)
    if not lists:
        return None
    return dict(zip(lists["token_ids"], map(number, lists["log_probs"])))


def steps_of(run):
    return {step["step"]: step for step in run.get("decode_steps") or []}
