#!/usr/bin/python3
"""The archive's form, and what the bundle's own MANIFEST says of it."""

import hashlib
import os
import pathlib
import tarfile
import tempfile
import unittest

import make_bundle

SPEC = {
    "name": "forensics-cuda-0.0",
    "torch": "1.2.3",
    "cuda": "0.0",
    "links": {"bin/a.runfiles": "../share"},
    "wheels": ["torch 1.2.3 00ff cpu"],
}
FILES = {"setup": b"#!/bin/sh\n", "lib/b.so": b"elf", "bin/a": b"elf", "share/x/y.json": b"{}"}


class MakeBundle(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))

    def write(self, name, files):
        make_bundle.write_archive(SPEC, files, str(self.folder / name))
        return (self.folder / name).read_bytes()

    def test_same_inputs_same_bytes(self):
        backwards = dict(reversed(list(FILES.items())))
        self.assertEqual(self.write("a", FILES), self.write("b", backwards))
        self.assertEqual(
            make_bundle.manifest(SPEC, FILES, {}), make_bundle.manifest(SPEC, backwards, {})
        )

    def test_archive_is_sorted_and_of_no_time_and_no_user(self):
        self.write("a", FILES)
        with tarfile.open(self.folder / "a") as archive:
            members = archive.getmembers()
        self.assertEqual(
            [(member.name[len("forensics-cuda-0.0/"):], oct(member.mode)) for member in members],
            [
                ("bin/a", "0o755"), ("bin/a.runfiles", "0o777"), ("lib/b.so", "0o644"), ("setup", "0o755"),
                ("share/x/y.json", "0o644"),
            ],
        )  # fmt: skip
        self.assertEqual({(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members}, {(0, 0, 0, "", "")})

    def test_manifest(self):
        lines = make_bundle.manifest(SPEC, FILES, {"GLIBC": "GLIBC_2.35", "TOY": "TOY_1"}).splitlines()
        self.assertEqual(lines[0], "bundle forensics-cuda-0.0")
        self.assertEqual(lines[2:5], ["torch 1.2.3", "cuda 0.0", "needs GLIBC_2.35"])
        self.assertEqual(lines[5], "file %s 755 3 bin/a" % hashlib.sha256(b"elf").hexdigest())
        self.assertEqual(lines[-2:], ["link bin/a.runfiles ../share", "wheel torch 1.2.3 00ff cpu"])
        other = make_bundle.manifest(SPEC, {**FILES, "setup": b"#!/bin/dash\n"}, {}).splitlines()
        self.assertNotEqual(lines[1], other[1])

    def test_the_bundle_runs_from_ubuntu_22_04_on(self):
        (manifest,) = pathlib.Path("pods/bundle").glob("*.MANIFEST")
        lines = manifest.read_text().splitlines()
        (glibc,) = [line for line in lines if line.startswith("needs GLIBC_")]
        self.assertLessEqual(make_bundle.libraries.elf.version_key(glibc), [2, 35])
        bundled = {line.split(" lib/")[1] for line in lines if " lib/" in line}
        self.assertLessEqual({"libstdc++.so.6", "libgcc_s.so.1"}, bundled)
        self.assertFalse(bundled & make_bundle.libraries.GLIBC)
        self.assertFalse({name for name in bundled if name.startswith(("libtorch", "libc10", "libcu", "libgomp"))})


if __name__ == "__main__":
    unittest.main()
