#!/bin/sh
# build_packages.py with what it needs: a python with PyTorch, a compiler, describe_dims, and a home
# for caches that nobody else reads. Arguments: those of build_packages.py.
set -eu
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
root=${RUNFILES_DIR:-$self.runfiles}/floating_point_forensics
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" TMPDIR="$scratch" USER=nobody TORCHINDUCTOR_CACHE_DIR="$scratch/inductor"
export CXX="$root/third_party/torch/gxx_aoti.sh" TORCHINDUCTOR_COMPILE_THREADS=1
export PYTHONHASHSEED=0
"$root/../torch_python/python3" "$root/runner/compile/build_packages.py" \
  --describe_dims="$root/runner/compile/describe_dims" "$@"
