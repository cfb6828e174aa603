#!/usr/bin/python3
"""The walk over what libraries need, with libraries made here."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import elf
import libraries


class Closure(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))

    def link(self, name, needs=(), versions="", symbols="", flags=()):
        """A library that needs others; `versions` is a version script of `symbols`."""
        source = self.folder / "source.c"
        source.write_text(symbols)
        script = self.folder / "versions"
        script.write_text(versions)
        path = self.folder / name
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed", "-Wl,-soname," + name, "-o", path, source]
            + ["-Wl,--version-script=%s" % script] * bool(versions)
            + [self.folder / need for need in needs]
            + list(flags),
            check=True,
        )
        return str(path)

    def closure(self, *programs, provided=(), most=None):
        return libraries.closure(
            programs, {os.path.basename(path): path for path in provided}, [str(self.folder)], most or {}
        )

    def refused(self, *lines, **arguments):
        with self.assertRaises(libraries.Problem) as caught:
            self.closure(str(self.folder / "program.so"), **arguments)
        self.assertEqual(str(caught.exception).splitlines(), list(lines))

    def test_brings_what_is_needed_indirectly_but_not_what_is_there(self):
        self.link("b.so")
        self.link("a.so", ["b.so"])
        torch = self.link("torch.so")
        program = self.link("program.so", ["a.so", "torch.so"])
        found = self.closure(program, provided=[torch])
        self.assertEqual(found.bundled, {name: str(self.folder / name) for name in ["a.so", "b.so"]})

    def test_names_all_that_is_missing(self):
        for name in ["gone1.so", "gone2.so"]:
            self.link(name)
        self.link("a.so", ["gone2.so"])
        program = self.link("program.so", ["gone1.so", "a.so"])
        (self.folder / "gone1.so").unlink()
        (self.folder / "gone2.so").unlink()
        self.refused(
            "%s/a.so: needs gone2.so, which is not in %s" % (self.folder, self.folder),
            "%s: needs gone1.so, which is not in %s" % (program, self.folder),
        )

    def test_refuses_symbols_that_are_too_new(self):
        self.link("a.so", versions="TOY_2.4 { f1; }; TOY_2.36 { f2; };", symbols="void f1() {} void f2() {}")
        program = self.link("program.so", ["a.so"], symbols="void f1(); void f2(); void g() { f1(); f2(); }")
        self.assertEqual(self.closure(program).newest, {"TOY": "TOY_2.36"})
        self.closure(program, most={"TOY": "TOY_2.36"})
        self.refused("%s: needs TOY_2.36, newer than TOY_2.35" % program, most={"TOY": "TOY_2.35"})

    def test_refuses_a_library_that_lacks_a_version(self):
        self.link("a.so", versions="TOY_1 { f1; }; TOY_2 { f2; };", symbols="void f1() {} void f2() {}")
        program = self.link("program.so", ["a.so"], symbols="void f2(); void g() { f2(); }")
        older = self.link("a.so", versions="TOY_1 { f1; };", symbols="void f1() {}")
        self.refused("%s: needs TOY_2, which %s lacks" % (program, older))

    def test_refuses_a_search_path_that_would_lead_elsewhere(self):
        path = self.link("a.so", flags=["-Wl,-rpath,/opt/lib"])
        self.link("program.so", ["a.so"])
        self.refused("%s: has a search path of its own: /opt/lib" % path)

    def test_versions_are_ordered_by_number(self):
        self.assertLess(elf.version_key("GLIBC_2.4"), elf.version_key("GLIBC_2.34"))
        self.assertLess(elf.version_key("GLIBC_2.2.5"), elf.version_key("GLIBC_2.3"))


if __name__ == "__main__":
    unittest.main()
