"""The tables of --tidy and --tidy_phases, for reference_analysis.py."""

import csv

from reference_pairs import judge


def tidy_rows(analysis):
    for kind, hardware, _, value, a, b, figures in analysis.pairs:
        for signal in analysis.signals:
            f = figures[signal] or {"n": 0, "mean": None, "min": None, "max": None}
            verdict = judge(f["mean"], analysis.noise[signal][0])
            if kind == "cross_hardware_baseline":
                verdict = (None, "")
            yield (analysis.name, kind, hardware, a["config_id"], b["config_id"], value, signal), (
                f["n"], f["mean"], f["min"], f["max"], *verdict)


def check_tidy(check, analyses, path):
    with open(path) as f:
        lines = list(csv.reader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = {tuple(line[:7]): line[7:] for line in lines}
    expected = {place: row for analysis in analyses for place, row in tidy_rows(analysis)}
    check.equal("tidy: lines", len(lines), len(expected))
    check.equal("tidy: pairs, signals and layers", sorted(found), sorted(expected))
    for place, row in expected.items():
        cells = found.get(place, [""] * 6)
        numbers = [float(cell) if cell else None for cell in cells[:5]]
        check.equal("/".join(place), numbers + cells[5:], list(row))


def phase_cells(figures):
    """{column: figure} of one signal in one phase; ulp_histogram as text."""
    cells = {column: figures[column] for column in (
        "largest_absolute", "elements", "elements_changed", "share_changed", "sign_changed",
        "exponent_changed", "mantissa_changed")}
    for column, name in (("l2", "l2_distance"), ("relative_l2", "relative_l2"),
                         ("cosine", "cosine")):
        cells[f"{column}_mean"] = figures[name]
        cells[f"{column}_min"] = figures[f"{name}_min"]
        cells[f"{column}_max"] = figures[f"{name}_max"]
    cells["positions"] = figures["l2_distance_n"]
    cells["largest_ulps"] = figures["ulps"]["largest"]
    cells["mean_ulps"] = figures["ulps"]["mean"]
    return cells


def check_phases(check, analyses, path):
    with open(path) as f:
        lines = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    places = ("experiment", "kind", "hardware", "config_a", "config_b", "value", "signal", "phase")
    found = {tuple(line[name] for name in places): line for line in lines}
    expected = {(analysis.name, kind, hardware, a["config_id"], b["config_id"], value, signal, phase):
                    phases
                for analysis in analyses for kind, hardware, _, value, a, b, figures in analysis.pairs
                for signal in analysis.signals if figures[signal]
                for phase, phases in figures[signal]["phases"].items()
                if phases["l2_distance_n"] > 0}
    check.equal("tidy_phases: lines", len(lines), len(expected))
    check.equal("tidy_phases: places", sorted(found), sorted(expected))
    for place, figures in expected.items():
        line = found.get(place, {})
        for column, figure in phase_cells(figures).items():
            cell = line.get(column, "")
            check.equal(f"{'/'.join(place)}/{column}", float(cell) if cell else None, figure)
        check.equal("/".join(place), line.get("number_format"), figures["ulps"]["number_format"])
        check.equal("/".join(place), line.get("ulp_histogram"),
                    ",".join(map(str, figures["ulps"]["histogram"])))
