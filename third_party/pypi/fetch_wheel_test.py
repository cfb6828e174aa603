#!/usr/bin/python3
"""fetch_wheel, with a wheel of a few bytes that a server here has at an address of its own."""

import functools
import hashlib
import http.server
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest
import zipfile

FETCH = pathlib.Path("third_party/pypi/fetch_wheel.py").absolute()
PIP = pathlib.Path("external/pip").absolute()
WHEEL = "toy-1.0+cu0-cp312-cp312-manylinux_2_28_x86_64.whl"
CONTENTS = {
    "toy/lib/libtoy.so": "library",
    "toy/test/large": "not wanted",
    "toy-1.0+cu0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0+cu0\n",
    "toy-1.0+cu0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_28_x86_64\n",
    "toy-1.0+cu0.dist-info/RECORD": "",
}


class FileServer(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class FetchWheel(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        served = self.folder / "served"
        served.mkdir()
        with zipfile.ZipFile(served / WHEEL, "w") as archive:
            for place, content in CONTENTS.items():
                archive.writestr(zipfile.ZipInfo(place), content)
        self.sha256 = hashlib.sha256((served / WHEEL).read_bytes()).hexdigest()
        handler = functools.partial(FileServer, directory=str(served))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/%s" % (self.server.server_port, WHEEL.replace("+", "%2B"))

    def tearDown(self):
        self.stop_server()

    def stop_server(self):
        self.server.shutdown()
        self.server.server_close()

    def fetch(self, sha256):
        """Runs in a folder of its own; returns (exit code, what was said, {path: content} there)."""
        into = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        run = subprocess.run(
            ["/usr/bin/python3", "-B", str(FETCH), "toy==1.0+cu0", sha256, "--python=3.12", "--url=" + self.url]
            + ["--drop=toy/test/"],
            cwd=into,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PIP), "PIP_RETRIES": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        files = {str(path.relative_to(into)): path.read_text() for path in into.rglob("*") if path.is_file()}
        return run.returncode, run.stdout, files

    def test_unpacks_what_is_wanted(self):
        code, said, files = self.fetch(self.sha256)
        self.assertEqual(code, 0, said)
        self.assertEqual(files, {path: text for path, text in CONTENTS.items() if path != "toy/test/large"})

    def test_another_digest_is_refused(self):
        code, said, files = self.fetch("0" * 64)
        self.assertEqual((code, files), (1, {}), said)
        self.assertIn("DO NOT MATCH THE HASHES", said)
        self.assertIn("toy==1.0+cu0 cannot be had from %s; pip says why" % self.url, said)

    def test_an_address_that_cannot_be_reached_is_named(self):
        self.stop_server()
        code, said, files = self.fetch(self.sha256)
        self.assertEqual((code, files), (1, {}), said)
        self.assertIn("toy==1.0+cu0 cannot be had from %s; pip says why" % self.url, said)


if __name__ == "__main__":
    unittest.main()
