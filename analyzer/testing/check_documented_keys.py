"""Every key and column that the analyzer writes stands in the document of its formats.

check_documented_keys.py DOCUMENT REPORT_DIRECTORY TABLES_DIRECTORY
"""
import json
import pathlib
import re
import sys

# Objects whose keys are names that the experiments chose (of overlap: the collector), and the depth of such names below them.
NAMES_BELOW = {
    "": 1,
    "baseline_values": 1,
    "reproducibility": 1,
    "within_config_distances": 1,
    "cross_hardware_baseline": 1,
    "within_hardware_detectability": 2,
    "cross_hardware_detectability": 2,
    "other_differences": 1,
    "noise": 1,
    "overlap": 1,
    "identity_classes": 1,
    "signals": 1,
    "run_time": 2,
}


def keys_of(value, below, found):
    """Adds to `found` the keys in `value`; `below` levels of its objects are names."""
    if isinstance(value, list):
        for item in value:
            keys_of(item, below, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            if below == 0:
                found.add(key)
            keys_of(item, below - 1 if below else NAMES_BELOW.get(key, 0), found)


def main():
    document, reports, tables = map(pathlib.Path, sys.argv[1:])
    text = document.read_text()
    text = text[text.index("## Reports"):]
    documented = set(re.findall(r"`([^`\s]+)`", text))
    found = set()
    keys_of(json.loads((reports / "analysis_reports.json").read_text()), NAMES_BELOW[""], found)
    keys_of(json.loads((reports / "summary.json").read_text()), 0, found)
    # A pair of hardware names its two configurations by them.
    found = {key for key in found if not re.fullmatch(r"(?!baseline).+_config", key)} | {
        "<hardware>_config"}
    if len(found) < 100:
        sys.exit(f"only {len(found)} keys found")
    for table in sorted(tables.glob("*.tsv")):
        found.update(table.read_text().split("\n")[0].split("\t"))
    # The document says once that a mean has these beside it.
    missing = sorted(name for name in found
                     if not {name, re.sub("_(mean|min|max|n)$", "", name)} & documented)
    if missing:
        sys.exit(f"{document} lacks: " + ", ".join(missing))


main()
