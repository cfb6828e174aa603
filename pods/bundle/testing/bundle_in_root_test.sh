#!/bin/bash
# bundle_in_root_test.sh PACKAGE_FOLDER: the bundle in a bare release that is new enough. Nothing is
# there but python3: setup fetches torch (from a folder of wheels), a plan runs from models to a report,
# and what an experiment leaves is bit for bit what it leaves here.
set -eu
source pods/bundle/testing/root.sh
debs=$(ls "$PWD/$1"/*.deb)
wheels=$(ls "$PWD"/external/torch_wheel_file_*/*.whl)
archive=$PWD/$(ls pods/bundle/*.tar.xz)
exp0=$PWD/runner/exp0
cd "$TEST_TMPDIR"

fail() { echo "FAILED: $*"; exit 1; }
digest() { sed -n 's/^ *signals_sha256: "\(.*\)"/\1/p' "$1/manifest.textproto" | sort -u; }
small="--document_tokens=150 --decode_steps=4 --threads=2 --hardware=CPU-X"

# shellcheck disable=SC2086  # lists of words
make_root root $debs
mkdir -p root/pod/wheels
cp -L $wheels root/pod/wheels/

echo "--- unpacked by what is there"
cp "$archive" root/pod/
in_root "$PWD/root" /bin/sh -ec 'cd /pod && python3 -m tarfile -e *.tar.xz'
pod=/pod/$(basename "$archive" .tar.xz)

echo "--- setup installs, once"
in_root "$PWD/root" "$pod/setup" --cpu --find_links=/pod/wheels | tee out
grep -q "every program starts" out || fail "no word of the programs"
in_root "$PWD/root" "$pod/setup" --cpu --find_links=/nonexistent >out
grep -q fetching out && fail "fetched again"

echo "--- a plan from models to experiment files, and their report"
in_root "$PWD/root" "$pod/bin/forensics" run "$pod/plans/mini_cpu.textproto" --folder=/pod/plan
grep -qx "Next: $pod/bin/compare /pod/plan/experiments" root/pod/plan/logs/fuse.log || fail "what comes next"
in_root "$PWD/root" "$pod/bin/inspect" /pod/plan/results >/dev/null
in_root "$PWD/root" "$pod/bin/compare" --output=/pod/report /pod/plan/experiments
[ -s root/pod/report/summary.json ] || fail "no report"

echo "--- the bits are those of the program that was not carried"
"$exp0" $small --output=here
in_root "$PWD/root" "$pod/bin/exp0" $small --output=/pod/results
run=CPU-X/CPU-X_reference
[ -n "$(digest here/$run)" ] || fail "no digest"
[ "$(digest here/$run)" = "$(digest root/pod/results/$run)" ] ||
  fail "digests differ: $(digest here/$run) $(digest root/pod/results/$run)"

echo "--- a second bundle takes the torch of the first one, and a damaged one is refused"
mkdir root/pod/second
in_root "$PWD/root" /bin/sh -ec 'cd /pod/second && python3 -m tarfile -e /pod/*.tar.xz'
second=/pod/second/${pod#/pod/}
in_root "$PWD/root" "$second/setup" --cpu --torch_dir="$pod/torch-2.11.0-cpu" >out
printf 'x' >>"root$second/bin/exp3"
rm "root$second/lib/libz.so.1"
code=0
in_root "$PWD/root" "$second/setup" --cpu 2>out || code=$?
[ "$code" = 1 ] || fail "exit code $code with damaged files"
grep -q "bin/exp3: expected [0-9]* bytes, found" out || fail "$(cat out)"
grep -q "lib/libz.so.1: is missing" out || fail "$(cat out)"
echo "all passed"
