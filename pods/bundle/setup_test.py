#!/usr/bin/python3
"""setup, with a bundle of one program and wheels of a few bytes."""

import contextlib
import fcntl
import functools
import hashlib
import http.server
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import zipfile

import make_bundle

HERE = pathlib.Path("pods/bundle").absolute()
PIP = [str(path) for path in pathlib.Path("external/pip").rglob("*") if path.is_file()]
PIP_ZIP = make_bundle.zipped({make_bundle.place_in_site(path): path for path in PIP})
SETUP_FILES = ["installed_torch.py", "newer_libraries.py", "problem.py", "setup.py", "wheels.py"]
VERSION = "__version__ = '%s+cu'\ncuda: Optional[str] = '%s'\n"

# {wheel's name: {path: content}}; parts for CPUs alone are marked by CPU.
CONTENTS = {
    "torch": {
        "torch/version.py": VERSION % ("2.11.0", "13.0"),
        "torch/lib/libtorch_cpu.so": "cpu" * 100000,
        "torch/lib/libc10.so": "c10",
        "torch/lib/libtorch_cuda.so": "cuda" * 100000,
        "torch/not_a_library.py": "not wanted",
    },
    "nvidia-cuda-runtime": {
        "nvidia/cu13/lib/libcudart.so.13": "cudart",
        "nvidia/cu13/lib/libcupti.so.13": "cupti",
    },
    "nvidia-cublas": {"nvidia/cu13/lib/libcublas.so.13": "cublas", "nvidia/nccl/lib/libnccl.so.2": "nccl"},
}
CPU = ["torch", "nvidia-cuda-runtime"]
PROGRAM = """#!/bin/sh
[ -e "$(dirname "$0")/../site/torch/lib/libtorch_cpu.so" ] || { echo "no libtorch" >&2; exit 127; }
"""


def make_wheel(folder, name, contents, tag, version="2.11.0"):
    """Writes a wheel that pip takes; returns its path."""
    stem = "%s-%s" % (name.replace("-", "_"), version)
    path = folder / ("%s-%s.whl" % (stem, tag))
    info = stem + ".dist-info/"
    rows = dict(contents)
    rows[info + "METADATA"] = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    rows[info + "WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: %s\n" % tag
    rows[info + "RECORD"] = ""
    with zipfile.ZipFile(path, "w") as archive:
        for place, content in rows.items():
            archive.writestr(zipfile.ZipInfo(place), content)
    return path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


class FileServer(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(folder, handler=FileServer):
    """The address of a server of the folder's files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d" % server.server_port
    finally:
        server.shutdown()
        server.server_close()


class CuttingServer(http.server.SimpleHTTPRequestHandler):
    """Serves wheels as an index does; the first answer of each of them ends in the middle."""

    cut = set()

    def do_GET(self):
        name = self.path.strip("/").split("/")[-1]
        if not name.endswith(".whl"):
            wheels = [path.name for path in pathlib.Path(self.directory).iterdir()]
            links = [
                '<a href="/%s">%s</a>' % (wheel, wheel)
                for wheel in wheels
                if wheel.split("-")[0].replace("_", "-") == name
            ]
            body = ("<html>" + "".join(links) + "</html>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        body = (pathlib.Path(self.directory) / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if name in self.cut else body[: len(body) // 2])
        self.cut.add(name)

    def log_message(self, *args):
        pass


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.wheels = self.folder / "wheels"
        self.wheels.mkdir()
        self.pod = self.folder / "pod"
        self.write_pod("GLIBC_2.34")

    def wheel_rows(self):
        rows = []
        for name, contents in CONTENTS.items():
            tag = "cp311-cp311-manylinux_2_28_x86_64" if name == "torch" else "py3-none-manylinux2014_x86_64"
            wheel = make_wheel(self.wheels, name, contents, tag)
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            rows.append("%s 2.11.0 %s %s" % (name, digest, "cpu" if name in CPU else "cuda"))
        return rows

    def write_pod(self, glibc, torch="2.11.0", cuda="13.0", torch_row=None):
        """`torch_row`: the wheel of torch, if it is not one of self.wheels."""
        rows = self.wheel_rows()
        if torch_row:
            rows[0] = torch_row
            next(self.wheels.glob("torch-*")).unlink()
        files = {"libexec/" + name: (HERE / name).read_bytes() for name in SETUP_FILES}
        files["setup"] = (HERE / "setup").read_bytes()
        files["bin/exp0"] = PROGRAM.encode()
        files["bin/fetch_model"] = (HERE / "fetch_model").read_bytes()
        files["libexec/fetch_model.py"] = b"import sys; print(sys.executable)"
        files["libexec/pip.zip"] = PIP_ZIP
        spec = {"name": "pod", "torch": torch, "cuda": cuda, "links": {"bin/a": "exp0"}, "wheels": rows}
        files["MANIFEST"] = make_bundle.manifest(spec, files, {"GLIBC": glibc}).encode()
        for place, content in files.items():
            path = self.pod / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(make_bundle.mode_of(place, content))
        if not (self.pod / "bin/a").is_symlink():
            (self.pod / "bin/a").symlink_to("exp0")

    def setup(self, *flags, **variables):
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables}
        return subprocess.run(
            [str(self.pod / "setup"), *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def expect(self, code, pattern, run):
        self.assertEqual(run.returncode, code, run.stdout)
        self.assertRegex(run.stdout, pattern)

    def from_wheels(self, *flags):
        return self.setup("--find_links=%s" % self.wheels, *flags)

    def assert_installed(self, names, folder="torch-2.11.0"):
        self.assertEqual(os.readlink(self.pod / "site"), folder)
        wanted = {
            place: content.encode()
            for name in names
            for place, content in CONTENTS[name].items()
            if place != "torch/not_a_library.py"
        }
        self.assertEqual(tree(self.pod / folder), wanted)
        self.assertFalse((self.pod / "wheels").exists())

    def old_python(self, version):
        """A python that takes itself for another version."""
        path = self.folder / "python"
        path.write_text(
            """#!/bin/sh
            case $1 in
              -c) exec python3 -c "import sys; sys.version_info = (%s); $2" ;;
              --version) echo "Python (%s)" ;;
              -IB) shift && exec python3 -IB -c "import runpy, sys; sys.version_info = (%s); del sys.argv[0]
runpy.run_path(sys.argv[0], run_name='__main__')" "$@" ;;
            esac
            """.replace("%s", version)
        )
        path.chmod(0o755)
        return str(path)

    def test_a_python_that_is_too_old_for_what_comes_along_is_refused(self):
        too_old = r"setup: needs python 3.10 or later, found "
        self.expect(1, too_old + "3.9;", self.setup(PYTHON=self.old_python("3, 9, 2")))
        self.expect(1, too_old + r"Python \(3, 8, 1\);", self.setup(PYTHON=self.old_python("3, 8, 1")))
        said = self.setup(PYTHON=self.old_python("3, 10, 0")).stdout
        self.assertNotRegex(said, too_old)
        self.assertIn("files as in MANIFEST", said)
        # What no other python mends comes first.
        self.write_pod("GLIBC_2.99")
        self.expect(1, "setup: needs glibc 2.99", self.setup(PYTHON=self.old_python("3, 9, 2")))

    def test_fetch_model_is_run_by_the_python_that_setup_was_run_by(self):
        python = str(self.folder / "another_python")
        os.symlink(sys.executable, python)

        def fetch_model(**variables):
            environment = {"PATH": "/usr/bin:/bin", **variables}
            return subprocess.run([self.pod / "bin/fetch_model"], env=environment, stdout=subprocess.PIPE, text=True)

        self.expect(0, "every program starts", self.setup("--find_links=%s" % self.wheels, PYTHON=python))
        self.assertEqual(fetch_model().stdout, python + "\n")
        self.assertEqual(fetch_model(PYTHON="/usr/bin/python3").stdout, "/usr/bin/python3\n")
        os.remove(python)
        self.assertEqual(fetch_model().stdout, "/usr/bin/python3\n")

    def test_installs_once(self):
        self.expect(0, "every program starts", self.from_wheels())
        self.assert_installed(CONTENTS)
        again = self.setup("--find_links=/nonexistent")
        self.expect(0, "every program starts", again)
        self.assertNotIn("fetching", again.stdout)

    def test_for_cpus_alone_takes_less(self):
        self.expect(0, "every program starts", self.from_wheels("--cpu"))
        self.assert_installed(CPU, "torch-2.11.0-cpu")

    def test_a_wheel_of_another_digest_is_refused(self):
        with open(next(self.wheels.glob("nvidia_cublas*")), "ab") as f:
            f.write(b"x")
        run = self.from_wheels()
        self.expect(1, "DO NOT MATCH THE HASHES", run)
        self.expect(1, "setup: nvidia-cublas 2.11.0 cannot be had", run)
        self.assertFalse((self.pod / "site").exists())

    def test_goes_on_after_a_wheel_that_was_missing(self):
        missing = next(self.wheels.glob("nvidia_cublas*"))
        missing.rename(self.folder / missing.name)
        self.expect(1, "setup: nvidia-cublas 2.11.0 cannot be had", self.from_wheels())
        (self.folder / missing.name).rename(missing)
        run = self.from_wheels()
        self.expect(0, "every program starts", run)
        self.assertEqual(re.findall(r"fetching (\S+)", run.stdout), ["nvidia-cublas"])
        self.assert_installed(CONTENTS)

    def test_killed_at_random_points_ends_the_same(self):
        dice = random.Random(7)
        killed = 0
        for _ in range(12):
            process = subprocess.Popen(
                [str(self.pod / "setup"), "--find_links=%s" % self.wheels],
                env={"PATH": "/usr/bin:/bin"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(dice.uniform(0, 2))
            if process.poll() is None:
                os.killpg(process.pid, 9)
                killed += 1
            process.wait()
            if (self.pod / "site").is_symlink():  # from the start again
                for path in ("site", "torch-2.11.0"):
                    path = self.pod / path
                    path.unlink() if path.is_symlink() else shutil.rmtree(path)
        self.assertGreater(killed, 2)
        self.expect(0, "every program starts", self.from_wheels())
        self.assert_installed(CONTENTS)

    def test_an_index_whose_answers_are_cut(self):
        CuttingServer.cut.clear()
        with serving(self.wheels, CuttingServer) as index:
            self.expect(0, "every program starts", self.setup(PIP_INDEX_URL=index + "/simple"))
        self.assertEqual(len(CuttingServer.cut), len(CONTENTS))
        self.assert_installed(CONTENTS)

    @contextlib.contextmanager
    def torch_beside_the_index(self):
        """(index, URL of torch's wheel, its path): it is of another python, and the index lacks it."""
        elsewhere = self.folder / "whl" / "cu130"
        elsewhere.mkdir(parents=True)
        wheel = make_wheel(
            elsewhere, "torch", CONTENTS["torch"], "cp312-cp312-manylinux_2_28_x86_64", "2.11.0+cu130"
        )
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with serving(self.wheels, CuttingServer) as index, serving(self.folder) as files:
            url = "%s/whl/cu130/%s" % (files, urllib.parse.quote(wheel.name))
            self.write_pod("GLIBC_2.34", torch_row="torch 2.11.0+cu130 %s cpu %s" % (digest, url))
            yield index + "/simple", url, wheel

    def test_a_wheel_that_has_an_address_of_its_own(self):
        with self.torch_beside_the_index() as (index, url, _):
            run = self.setup(PIP_INDEX_URL=index)
        self.assertIn("%2Bcu130-cp312", url)
        self.expect(0, re.escape("fetching torch 2.11.0+cu130 from %s\n" % url), run)
        self.assert_installed(CONTENTS)

    def test_another_wheel_at_its_address_is_refused(self):
        with self.torch_beside_the_index() as (index, url, wheel):
            with open(wheel, "ab") as f:
                f.write(b"x")
            run = self.setup(PIP_INDEX_URL=index)
        self.expect(1, "DO NOT MATCH THE HASHES", run)
        self.expect(1, re.escape("setup: torch 2.11.0+cu130 cannot be had from %s; pip says why" % url), run)
        self.assertFalse((self.pod / "site").exists())

    def test_an_address_that_cannot_be_reached_is_named_and_a_folder_does(self):
        with self.torch_beside_the_index() as (_, url, wheel):
            pass
        with serving(self.wheels, CuttingServer) as index:
            run = self.setup(PIP_INDEX_URL=index + "/simple", PIP_RETRIES="0")
        why = re.escape("setup: torch 2.11.0+cu130 cannot be had from %s; pip says why" % url)
        self.expect(1, why + ".*--find_links=DIR", run)
        for name in (wheel.name, url.rpartition("/")[2]):  # as a browser saves it, and as curl -O does
            with self.subTest(name):
                shutil.copy(wheel, self.wheels / name)
                self.expect(0, "every program starts", self.from_wheels("--install"))
                self.assert_installed(CONTENTS)
                (self.wheels / name).unlink()

    def installed(self, name, **changes):
        """A site-packages folder as pip leaves it, with other content where `changes` says so."""
        site = self.folder / name
        for contents in CONTENTS.values():
            for place, content in contents.items():
                path = site / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(changes.get(path.stem, content))
        (site / "torch/__init__.py").write_text("raise ImportError('not to be imported')\n")
        return site

    def test_takes_an_installed_torch(self):
        site = self.installed("site-packages")
        for flags, variables in [
            (["--torch_dir=%s" % site], {}),
            ([], {"TORCH_DIR": str(site)}),
            ([], {"PYTHONPATH": str(site)}),  # that of a python on PATH
        ]:
            self.expect(0, "torch 2.11.0 for CUDA 13.0: %s\n" % site, self.setup(*flags, **variables))
            self.assertEqual(os.readlink(self.pod / "site"), str(site))
            (self.pod / "site").unlink()

    def test_says_why_an_installed_torch_is_not_taken(self):
        cases = [
            ({"version": VERSION % ("2.10.0", "13.0")}, "torch 2.10.0 for CUDA 13.0; expected 2.11.0 for CUDA 13.0"),
            ({"version": VERSION % ("2.11.0", "12.8")}, "torch 2.11.0 for CUDA 12.8; expected 2.11.0 for CUDA 13.0"),
            ({"version": "__version__ = '2.11.0+cpu'\ncuda = None\n"}, "torch 2.11.0 for CPUs alone; expected"),
        ]
        for number, (changes, reason) in enumerate(cases):
            with self.subTest(reason):
                site = self.installed("other%d" % number, **changes)
                self.expect(1, re.escape("setup: %s: %s" % (site, reason)), self.setup("--torch_dir=%s" % site))
                run = self.setup("--find_links=%s" % self.wheels, PYTHONPATH=str(site))
                self.expect(0, re.escape("not used: %s: %s" % (site, reason)), run)
                self.assert_installed(CONTENTS)
                shutil.rmtree(self.pod / "torch-2.11.0")
        incomplete = self.installed("incomplete")
        (incomplete / "torch/lib/libtorch_cuda.so").unlink()
        self.expect(1, "lacks libtorch_cuda.so", self.setup("--torch_dir=%s" % incomplete))
        self.expect(0, "every program starts", self.setup("--torch_dir=%s" % incomplete, "--cpu"))
        (incomplete / "torch/lib/libtorch_cuda.so").touch()
        self.expect(1, "lacks libtorch_cuda.so", self.setup("--torch_dir=%s" % incomplete))

    def test_takes_an_installed_torch_of_cuda_11_8(self):
        self.write_pod("GLIBC_2.34", torch="2.7.1", cuda="11.8")
        site = self.folder / "site-packages"
        for place in [
            "torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libtorch_cuda.so",
            "nvidia/cuda_runtime/lib/libcudart.so.11.0", "nvidia/cuda_cupti/lib/libcupti.so.11.8",
            "nvidia/cublas/lib/libcublas.so.11", "nvidia/nccl/lib/libnccl.so.2",
        ]:  # fmt: skip
            (site / place).parent.mkdir(parents=True, exist_ok=True)
            (site / place).write_text("library")
        (site / "torch/version.py").write_text("__version__ = '2.7.1+cu118'\ncuda: Optional[str] = '11.8'\n")
        self.expect(0, "torch 2.7.1 for CUDA 11.8: %s\n" % site, self.setup("--torch_dir=%s" % site))
        (site / "nvidia/cuda_cupti/lib/libcupti.so.11.8").rename(site / "nvidia/cuda_cupti/lib/libcupti.so.11")
        self.expect(1, r"lacks libcupti\.so\.11\.8 below", self.setup("--torch_dir=%s" % site))

    def test_a_machine_that_is_too_old(self):
        self.write_pod("GLIBC_2.99")
        self.expect(1, r"setup: needs glibc 2.99 .* found glibc \d", self.from_wheels())

    def test_a_program_that_does_not_start_is_named(self):
        site = self.installed("site-packages")
        (site / "torch/lib/libtorch_cpu.so").unlink()
        (site / "nvidia/cu13/lib/libtorch_cpu.so").write_text("in a strange place")
        self.expect(1, "bin/exp0 --help: exit code 127: no libtorch", self.setup("--torch_dir=%s" % site))

    def test_one_at_a_time(self):
        with open(self.pod / "MANIFEST") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.expect(1, "another setup is at work", self.from_wheels())

    def test_wrong_usage(self):
        self.expect(2, "unrecognized arguments: --torchdir=x", self.setup("--torchdir=x"))
        self.expect(0, "Exit codes: 0 done", self.setup("--help"))
        self.expect(1, "needs python3", self.setup(PYTHON="/nonexistent"))


if __name__ == "__main__":
    unittest.main()
