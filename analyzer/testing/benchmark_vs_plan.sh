#!/bin/sh
# benchmark_vs_plan.py with what it measures and a python with numpy and scipy.
set -eu
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
root=${RUNFILES_DIR:-$self.runfiles}/floating_point_forensics
exec python3 "$root/analyzer/testing/benchmark_vs_plan.py" "$root/analyzer/compare" \
  "$root/analyzer/testing/write_large_experiment" "$root/analyzer/reading/reader_benchmark" \
  "$root/../plan_python/python3" "$@"
