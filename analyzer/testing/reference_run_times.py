"""Run times, slowdowns and their intervals for reference_analysis.py.

Student's distribution is integrated numerically: with t = sqrt(f) tan(x) its density is that of x,
proportional to cos(x)^(f - 1).
"""

import math

from reference_reading import doubles
from reference_uncertainty import holm


def integral(function, end, pieces=2000):
    """Simpson's, from 0."""
    width = end / pieces
    inner = sum((4 if i % 2 else 2) * function(i * width) for i in range(1, pieces))
    return (function(0) + inner + function(end)) * width / 3


def within(t, freedom):
    """The probability of a Student's t between -t and t."""
    def density(x):
        return math.cos(x) ** (freedom - 1) if x < math.pi / 2 else 0.0 ** (freedom - 1)
    part = integral(density, math.atan(t / math.sqrt(freedom)))
    return part / integral(density, math.pi / 2)


class Times:
    def __init__(self, seconds, stated):
        self.n = len(seconds)
        total = 0.0
        for s in seconds:
            total += s
        self.mean = total / self.n if seconds else stated
        self.of_mean = (sum((s - self.mean) ** 2 for s in seconds) / (self.n - 1) / self.n
                        if self.n > 1 else None)


def student(one, other, ratio):
    """t of one - ratio * other, and its degrees of freedom where both have that ratio."""
    a, b = one.of_mean, ratio * ratio * other.of_mean
    freedom = (a + b) ** 2 / (a * a / (one.n - 1) + b * b / (other.n - 1))
    return (one.mean - ratio * other.mean) / math.sqrt(a + b), freedom


def check_interval(check, place, found, time, base):
    interval, p = found["slowdown_interval"], found["slower_p_value"]
    known = time is not base and bool(time.of_mean and base.of_mean)
    check.equal(f"{place}: has p", p is not None, known)
    check.equal(f"{place}: has a reason", found["interval_reason"] is None, interval is not None)
    if not known:
        return
    t, freedom = student(time, base, 1)
    above = (1 - math.copysign(within(abs(t), freedom), t)) / 2
    check.equal(f"{place}: p", round(p, 6), round(above, 6))
    if interval is None:
        return
    _, freedom = student(time, base, time.mean / base.mean)
    for bound in interval.values():
        t, _ = student(time, base, bound)
        if bound > 0:
            check.equal(f"{place}: bound {bound}", round(within(abs(t), freedom), 6), 0.95)


def check_run_times(check, analysis, report, tests):
    """tests: {place: p and Holm's p} of all experiments, to which these are added."""
    for label, configs in analysis.hardware.items():
        times = {}
        for config in configs:
            seconds = doubles([r["runtime_seconds"] for r in analysis.runs(config)])
            stated = doubles(config.get("timing") or {}).get("mean_seconds")
            times[config["config_id"]] = Times(seconds, stated)
        base = times[analysis.baseline(label)["config_id"]]
        for config in configs:
            name = config["config_id"]
            found, time = report["run_time"][label][name], times[name]
            check.equal(f"{analysis.name}/run_time", found["mean_seconds"], time.mean)
            check.equal(f"{analysis.name}/slowdown", found["slowdown"], time.mean / base.mean)
            check.equal(f"{analysis.name}/overlap", found.get("overlap"),
                        {name: doubles(v) for name, v in config["overlap"].items()
                         if name != "repetitions"}
                        if "overlap" in config else None)
            check_interval(check, f"{analysis.name}/{name}", found, time, base)
            if found["slower_p_value"] is not None:
                tests[analysis.name, name] = found["slower_p_value"], found["slower_p_holm"]


def check_run_time_holm(check, tests):
    adjusted = holm({place: p for place, (p, _) in tests.items()})
    for place, (_, found) in tests.items():
        check.equal(f"{place}: Holm", found, adjusted[place])
