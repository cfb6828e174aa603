#!/usr/bin/python3
"""newer_libraries, with the machine's own libraries and made-up ones."""

import os
import pathlib
import tempfile
import unittest

import newer_libraries


class NewerLibraries(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.bundled, self.links = self.folder / "lib", self.folder / "newer"
        self.bundled.mkdir()
        self.write(self.bundled / "libstdc++.so.6", "GLIBCXX_3.4", "GLIBCXX_3.4.30", "GLIBCXX_DEBUG")
        self.write(self.bundled / "libgcc_s.so.1", "GCC_3.0", "GCC_12.0.0")

    def write(self, path, *versions):
        path.write_bytes(b"\x7fELF\0" + b"".join(version.encode() + b"\0" for version in versions))
        return str(path)

    def link(self, *versions):
        """What is linked where the machine has libstdc++ of these versions, and no libgcc_s."""
        path = self.write(self.folder / "machine", *versions) if versions else None
        return newer_libraries.link_newer(
            self.bundled, self.links, lambda name: path if name == "libstdc++.so.6" else None
        )

    def test_a_newer_one_is_linked(self):
        self.assertEqual(self.link("GLIBCXX_3.4", "GLIBCXX_3.4.32"), [("libstdc++.so.6", str(self.folder / "machine"))])
        self.assertEqual(os.readlink(self.links / "libstdc++.so.6"), str(self.folder / "machine"))

    def test_versions_are_numbers(self):
        self.assertEqual(self.link("GLIBCXX_3.4.9"), [])
        self.assertNotEqual(self.link("GLIBCXX_3.4.100"), [])

    def test_an_older_one_or_none_is_not_and_a_stale_link_goes(self):
        self.link("GLIBCXX_3.4.32")
        for versions in (["GLIBCXX_3.4.30"], ["GLIBCXX_3.4.28"], []):
            self.assertEqual(self.link(*versions), [])
            self.assertEqual(os.listdir(self.links), [])

    def test_this_machines_are_found(self):
        for name, pattern in newer_libraries.LIBRARIES.items():
            path = newer_libraries.of_machine(name)
            self.assertTrue(path and os.path.exists(path), name)
            self.assertTrue(newer_libraries.newest_version(path, pattern), path)
        self.assertIsNone(newer_libraries.of_machine("libnothing_of_this_name.so.1"))


if __name__ == "__main__":
    unittest.main()
