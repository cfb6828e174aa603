"""Fetches pinned wheels with pip, and unpacks the shared libraries in them."""

import collections
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile

from problem import Problem

# part: "cpu" for those that programs need on CPUs, too, else "cuda". url: None for those on PyPI.
Wheel = collections.namedtuple("Wheel", ["name", "version", "sha256", "part", "url"], defaults=[None])

PIP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip.zip", "pip")

# pip matches these tags exactly; it does not order them.
_PLATFORMS = ["manylinux_2_%d_x86_64" % minor for minor in range(36, 4, -1)] + [
    "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64",
]  # fmt: skip

# The python of the pinned wheels on PyPI; libraries do not care which one is here.
_PYTHON = "3.11"

_WANTED = re.compile(r"torch/version\.py|(torch/lib|nvidia/[^/]+/lib)/[^/]+\.so[^/]*")


def _digest(path):
    with open(path, "rb") as f:
        result = hashlib.sha256()
        for block in iter(lambda: f.read(1 << 20), b""):
            result.update(block)
        return result.hexdigest()


def _python_of(wheel):
    """The version that pip is told: "3.12" of .../torch-2.7.1%2Bcu118-cp312-cp312-manylinux_2_28_x86_64.whl."""
    tag = re.search(r"-cp(\d)(\d+)-[^/]*$", wheel.url or "")
    return "%s.%s" % tag.groups() if tag else _PYTHON


def _under_their_names(find_links, scratch):
    """A folder of links to the wheels there that were saved under what an address calls them: with %2B for +."""
    folder = os.path.join(scratch, "links")
    os.mkdir(folder)
    for path in glob.glob(os.path.join(glob.escape(find_links), "*%*.whl")):
        os.symlink(os.path.abspath(path), os.path.join(folder, urllib.parse.unquote(os.path.basename(path))))
    return folder


def _download(wheel, scratch, find_links):
    pins = os.path.join(scratch, "pins.txt")
    url = None if find_links else wheel.url
    what = "%s @ %s" % (wheel.name, url) if url else "%s==%s" % (wheel.name, wheel.version)
    with open(pins, "w") as f:
        f.write("%s --hash=sha256:%s\n" % (what, wheel.sha256))
    command = [
        sys.executable, "-I", PIP, "download", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--no-cache-dir", "--disable-pip-version-check", "--resume-retries=20", "--implementation=cp",
        "--python-version=" + _python_of(wheel), "--dest=" + scratch, "--requirement=" + pins,
    ]  # fmt: skip
    command += ["--platform=" + platform for platform in _PLATFORMS]
    if find_links:
        command += ["--no-index", "--find-links=" + find_links]
        command += ["--find-links=" + _under_their_names(find_links, scratch)]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise Problem(
            "%s %s cannot be had%s; pip says why. Wheels that came whole are kept: the same command goes on%s"
            % (
                wheel.name,
                wheel.version,
                " from " + url if url else "",
                ", also with --find_links=DIR where DIR has that file" if url else "",
            )
        )
    found = [name for name in os.listdir(scratch) if name.endswith(".whl")]
    if len(found) != 1:
        raise Problem("%s: expected one wheel, found %s" % (wheel.name, found))
    return os.path.join(scratch, found[0])


def fetch(wheel, folder, find_links, say):
    """Path of the wheel in `folder`, where it stays under its digest's name."""
    path = os.path.join(folder, "%s-%s.whl" % (wheel.name, wheel.sha256))
    if os.path.exists(path) and _digest(path) == wheel.sha256:
        return path
    say("fetching %s %s%s" % (wheel.name, wheel.version, " from " + wheel.url if wheel.url and not find_links else ""))
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as scratch:
        os.replace(_download(wheel, scratch, find_links), path)
    return path


def _unpack(path, into):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if _WANTED.fullmatch(info.filename):
                archive.extract(info, into)


def install(wheels, destination, folder, find_links, say):
    """`destination` has the libraries of all `wheels`, or does not exist.

    Args:
      folder: for the wheels in the meantime.
      find_links: a folder to take them from, or None: as pip is configured.
    """
    partial = destination + ".partial"
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):  # of a setup that was killed
        if name.startswith("fetching-"):
            shutil.rmtree(os.path.join(folder, name))
    paths = [fetch(wheel, folder, find_links, say) for wheel in wheels]
    for stale in (partial, destination):
        if os.path.exists(stale):
            shutil.rmtree(stale)
    for path in paths:
        _unpack(path, partial)
    os.sync()  # whoever finds the folder takes its files for whole
    os.rename(partial, destination)
    shutil.rmtree(folder)
