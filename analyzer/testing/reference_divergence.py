"""Where runs part, and which have the same bits, for reference_analysis.py: by brute force."""

from reference_statistics import float_bits, ordered

PHASES = {"all": lambda at: True, "prefill": lambda at: at <= 0, "decode": lambda at: at > 0}


def same_bits(one, two):
    return [float_bits(v) for v in one] == [float_bits(v) for v in two]


def first_divergence(points, number_format):
    """Of the compared (step, position, one, two) of a signal: the first other bits."""
    parted = [(s + p + 1, s, p, one, two) for s, p, one, two in points
              if len(one) == len(two) and not same_bits(one, two)]
    if not parted:
        return None
    at, s, p, one, two = min(parted, key=lambda point: point[:2])
    element = next(i for i, (a, b) in enumerate(zip(one, two)) if float_bits(a) != float_bits(b))
    a, b = float_bits(one[element]), float_bits(two[element])
    finite = (a >> 23 & 255) < 255 and (b >> 23 & 255) < 255
    step = 65536 if number_format == "bfloat16" and a % 65536 == b % 65536 == 0 else 1
    return {"position": at, "step": s, "window": f"pos_{p}",
            "phase": "prefill" if at <= 0 else "decode", "element": element,
            "a_bits": f"0x{a:08x}", "b_bits": f"0x{b:08x}",
            "ulps": abs(ordered(a) - ordered(b)) // step if finite else None}


def first_of_all(divergences):
    """The signal whose divergence a model computes first, of {signal name: divergence}."""
    def when(name):
        kind, _, layer = name.partition("/layer_")
        where = divergences[name]
        return (max(0, where["position"]), kind == "logprobs", int(layer or 0),
                kind == "hidden_states", where["position"])
    return min((name for name in divergences if divergences[name]), key=when, default=None)


def first_divergent_token(comparable, steps1, steps2):
    for s in comparable:
        if steps1[s]["token_id"] != steps2[s]["token_id"]:
            return {"step": s, **{name: {key: steps[s].get(key) for key in ("token_id", "token_text")}
                                  for name, steps in (("a", steps1), ("b", steps2))}}
    return None


def identity_classes(names, stored, compared, phase):
    """Classes of config_ids.

    stored(name): positions of the signal; compared(one, two): (position, whether the bits are the
    same) for each timepoint that the two have in the same context.
    """
    belongs = PHASES[phase]

    def same(one, two):
        shared = [equal for at, equal in compared(one, two) if belongs(at)]
        return bool(shared) and all(shared)

    classes, missing = [], []
    for name in names:
        if not any(map(belongs, stored(name))):
            missing.append(name)
            continue
        home = next((c for c in classes if all(same(other, name) for other in c)), None)
        if home is None:
            classes.append([name])
        else:
            home.append(name)
    parted_at = [min((at for at, equal in compared(classes[0][0], c[0])
                      if belongs(at) and not equal), default=None) if c is not classes[0] else None
                 for c in classes]
    return {"classes": classes, "parted_at": parted_at, "not_stored": missing}
