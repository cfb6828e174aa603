#!/bin/sh
# fetch_model.py with the pinned client of the hub; paths are relative to where it is typed.
set -eu
if [ -d "$0.runfiles" ]; then
  files=$0.runfiles/floating_point_forensics
else
  files=$(dirname "$(dirname "$0")") # among the runfiles of another program
fi
files=$(cd "$files" && pwd)
cd "${BUILD_WORKING_DIRECTORY:-$PWD}"
exec "$files/external/huggingface_hub/python3" -B "$files/pods/fetch_model.py" "$@"
