#!/bin/sh
# Copies bundles to where they are wanted. See --help.
set -eu

usage="Makes the archive that a rented machine gets, and copies it to a folder.

  bazel run //pods:bundle                            # for the default CUDA version, here
  bazel run //pods:bundle -- --output=DIR
  bazel run //pods:bundles -- --output=DIR           # for every CUDA version, one archive each
  bazel run //pods/bundle:copy_cuda_12.8             # for that one
  bazel run //pods/bundle:copy_cuda_11.8             # its libtorch is not on PyPI; //pods:bundles leaves
                                                     # it out, but for --//third_party/torch:beyond_pypi

The plans that ask for something of yours (models' commits, prices) are put beside the archives, unless
they are there.

On the machine: python3 -m tarfile -e ARCHIVE && forensics-cuda-*/setup
Exit codes: 0 done, 1 failed, 2 wrong usage, 4 done, but a CUDA version asked for is missing and named."

archives= missing= left_out= plans= output=.
for argument; do
  case $argument in
    --archive=*) archives="$archives ${argument#*=}" ;; # of the build: relative to its runfiles
    --missing=*) missing="$missing ${argument#*=}" ;; # CUDA version:torch version
    --plan=*) plans="$plans ${argument#*=}" ;;
    --left_out=*) left_out="$left_out ${argument#*=}" ;; # CUDA version
    --output=?*) output=${argument#*=} ;;
    --help) echo "$usage" && exit 0 ;;
    *) echo "bundle: unknown argument '$argument'; --help says what there is" >&2 && exit 2 ;;
  esac
done
case $output in
  /*) ;;
  *) output=${BUILD_WORKING_DIRECTORY:-$PWD}/$output ;;
esac

mkdir -p "$output"
for archive in $archives; do
  name=${archive##*/}
  partial=$output/.$name.$$
  trap 'rm -f "$partial"' EXIT
  cp -L "$archive" "$partial"
  chmod 644 "$partial"
  mv "$partial" "$output/$name"
  echo "$output/$name  $(($(wc -c <"$output/$name") / 1000000)) MB, SHA-256 $(sha256sum <"$output/$name" | cut -c-64)"
done
for plan in $plans; do
  name=${plan##*/}
  [ -e "$output/$name" ] && continue
  cp -L "$plan" "$output/$name"
  chmod 644 "$output/$name"
  echo "$output/$name  to be filled in"
done
if [ -n "$archives" ]; then
  echo "Next, on the machine:  python3 -m tarfile -e ARCHIVE && forensics-cuda-*/setup"
fi
for version in $missing; do
  echo "bundle: CUDA ${version%:*}: torch ${version#*:} is the last one for it, whose wheels are of the C++ ABI before C++11 and do not link with these programs; of PyTorch's own archive, which would, no trusted hash is known (third_party/torch/versions.bzl)" >&2
done
for version in $left_out; do
  echo "bundle: CUDA $version: left out, as its libtorch is not on PyPI; bazel run //pods/bundle:copy_cuda_$version fetches it" >&2
done
[ -z "$missing$left_out" ] || exit 4
