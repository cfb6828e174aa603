#!/bin/bash
# The front of bazel run //pods:bundle.
set -u
copy=$PWD/pods/bundle/copy_bundles.sh
cd "$TEST_TMPDIR" || exit 1
failures=0

expect() {
  local code=$1 text=$2 got
  shift 2
  "$@" >out 2>&1
  got=$?
  [ "$got" = "$code" ] && grep -q -- "$text" out && return
  echo "FAILED: exit code $got, expected $code and '$text': $*"
  cat out
  failures=$((failures + 1))
}

mkdir built
echo content >built/a.tar.xz
chmod 444 built/a.tar.xz
sum=$(sha256sum <built/a.tar.xz | cut -c-64)
expect 0 "$PWD/to/here/a.tar.xz  0 MB, SHA-256 $sum" "$copy" --archive=built/a.tar.xz --output=to/here
cmp built/a.tar.xz to/here/a.tar.xz || failures=$((failures + 1))
expect 0 "/typed/here/a.tar.xz" env BUILD_WORKING_DIRECTORY="$PWD/typed" "$copy" --archive=built/a.tar.xz --output=here
expect 0 "a.tar.xz" "$copy" --archive=built/a.tar.xz --output=to/here
expect 4 "CUDA 11.8: left out.* //pods/bundle:copy_cuda_11.8 fetches it" "$copy" --archive=built/a.tar.xz --left_out=11.8 --output=to
grep -q "a.tar.xz  0 MB" out || { echo "FAILED: the others are not made"; failures=$((failures + 1)); }
expect 4 "CUDA 12.1: torch 2.5.1 is the last .* ABI before C++11 .* no trusted hash" "$copy" --missing=12.1:2.5.1 --output=to
grep -q Next out && { echo "FAILED: nothing comes next"; failures=$((failures + 1)); }

# What the user has filled in stays.
echo "as it comes" >built/plan.textproto
chmod 444 built/plan.textproto
expect 0 "to/plan.textproto  to be filled in" "$copy" --archive=built/a.tar.xz --plan=built/plan.textproto --output=to
echo "filled in" >to/plan.textproto
expect 0 "a.tar.xz" "$copy" --archive=built/a.tar.xz --plan=built/plan.textproto --output=to
[ "$(cat to/plan.textproto)" = "filled in" ] || { echo "FAILED: overwritten"; failures=$((failures + 1)); }
expect 2 "unknown argument '--outptu=x'" "$copy" --archive=built/a.tar.xz --outptu=x
expect 0 "bazel run //pods:bundle " "$copy" --help
touch file
expect 1 "file" "$copy" --archive=built/a.tar.xz --output=file
[ "$(find . -name '.a.tar.xz*')" = "" ] || failures=$((failures + 1))
exit "$failures"
