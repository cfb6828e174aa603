#!/bin/sh
# build_packages.py with what it needs: a python with PyTorch, and describe_dims. Arguments: those
# of build_packages.py.
set -eu
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
root=${RUNFILES_DIR:-$self.runfiles}/floating_point_forensics
python=$(echo "$root"/../torch_python*/python3)
exec "$python" "$root/runner/compile/build_packages.py" \
  --describe_dims="$root/runner/compile/describe_dims" "$@"
