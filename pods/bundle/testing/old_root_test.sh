#!/bin/bash
# In a release whose glibc is too old, setup says so before anything else.
set -eu
source pods/bundle/testing/root.sh
debs=$(ls "$PWD/$1"/*.deb)
archive=$PWD/$(ls pods/bundle/*.tar.xz)
cd "$TEST_TMPDIR"

# shellcheck disable=SC2086  # a list of words
make_root root $debs
tar -C root/pod -xf "$archive"
code=0
in_root "$PWD/root" "/pod/$(basename "$archive" .tar.xz)/setup" >out 2>&1 || code=$?
cat out
[ "$code" = 1 ]
grep -qx "setup: needs glibc 2.35 (as of Ubuntu 22.04 or Debian 12) or later, found glibc 2.31" out
