"""Finds an installed torch that programs built against libtorch can use."""

import collections
import glob
import os
import re
import subprocess

from problem import Problem

# torch and cuda: versions; cpu: whether its part for CPUs is enough.
Wanted = collections.namedtuple("Wanted", ["torch", "cuda", "cpu"])

USUAL_PLACES = [
    "/opt/conda/lib/python3*/site-packages",
    "/opt/*/lib/python3*/site-packages",
    "/usr/local/lib/python3*/*-packages",
    "/usr/lib/python3/dist-packages",
    "/venv/*/lib/python3*/site-packages",
    "/workspace/*/lib/python3*/site-packages",
]

# What follows in a library's name where it is not the major version of CUDA.
_VERSION_AFTER = {("libcudart.so.", "11.8"): "11.0", ("libcupti.so.", "11.8"): "11.8"}

# Prints the folder that torch would be imported from, without importing it.
_ASK = (
    "import importlib.util as u, os; s = u.find_spec('torch'); "
    "print(os.path.dirname(os.path.dirname(s.origin)) if s and s.origin else '')"
)


def _pythons():
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for path in sorted(glob.glob(os.path.join(folder, "python*"))):
            if re.fullmatch(r"python(3(\.\d+)?)?", os.path.basename(path)) and os.access(path, os.X_OK):
                yield path


def _sites_of_pythons():
    for python in _pythons():
        try:
            run = subprocess.run(
                [python, "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if run.stdout.strip():
            yield run.stdout.strip()


def _has_library(site, name):
    """Whether there is one that is not empty, as a full disk leaves it."""
    folders = [os.path.join(site, "nvidia", "*", "lib"), os.path.join(site, "torch", "lib")]
    paths = [path for folder in folders for path in glob.glob(os.path.join(folder, name))]
    return any(os.path.isfile(path) and os.path.getsize(path) > 0 for path in paths)


def reason_against(site, wanted):
    """None if the torch of the site-packages folder will do."""
    version_file = os.path.join(site, "torch", "version.py")
    if not os.path.isfile(version_file):
        return "no torch/version.py"
    with open(version_file) as f:
        text = f.read()
    version = re.search(r"^__version__ = ['\"]([^'\"+]+)", text, re.MULTILINE)
    cuda = re.search(r"^cuda(?:: [^=]*)? = ['\"]([^'\"]+)", text, re.MULTILINE)
    found = "%s for %s" % (version.group(1) if version else "?", "CUDA " + cuda.group(1) if cuda else "CPUs alone")
    expected = "%s for CUDA %s" % (wanted.torch, wanted.cuda)
    if found != expected:
        return "torch %s; expected %s" % (found, expected)
    major = wanted.cuda.split(".")[0]
    names = ["libtorch_cpu.so", "libc10.so"]
    names += [name + _VERSION_AFTER.get((name, wanted.cuda), major) for name in ("libcudart.so.", "libcupti.so.")]
    if not wanted.cpu:
        names += ["libtorch_cuda.so", "libcublas.so." + major, "libnccl.so.2"]
    missing = [name for name in names if not _has_library(site, name)]
    return "lacks %s below torch/lib and nvidia/*/lib" % ", ".join(missing) if missing else None


def find(wanted, named, own, say):
    """The site-packages folder of a torch that will do, or None. Says why others do not.

    Args:
      wanted: Wanted.
      named: folder that the user names, or None; it must do.
      own: folders that setup itself may have filled; looked at first.
    """
    if named:
        reason = reason_against(named, wanted)
        if reason is not None:
            raise Problem("%s: %s" % (named, reason))
        return os.path.abspath(named)
    for site in own:
        if os.path.isdir(site) and reason_against(site, wanted) is None:
            return site
    seen = set()
    for site in list(_sites_of_pythons()) + [place for pattern in USUAL_PLACES for place in sorted(glob.glob(pattern))]:
        site = os.path.realpath(site)
        if site in seen or not os.path.isdir(os.path.join(site, "torch")):
            continue
        seen.add(site)
        reason = reason_against(site, wanted)
        if reason is None:
            return site
        say("not used: %s: %s" % (site, reason))
    return None
