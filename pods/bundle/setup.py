"""Makes the programs of this folder ready to run on this machine; needs neither root nor a compiler.

Checks the machine and every file's digest, takes an installed torch of the version that the programs are
built with or else fetches its wheels (3 GB; digests checked) into this folder, and starts each program
once. Killed or cut off, the same command goes on with the wheel it was at; done, it only checks. What
needs python later takes the one that runs this.

  ./setup
  ./setup --torch_dir=/venv/lib/python3.11/site-packages
  ./setup --find_links=/wheels              # no network: wheels that lie there
  PIP_INDEX_URL=https://mirror/simple ./setup

Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(HERE, "libexec"))

import installed_torch  # noqa: E402
import newer_libraries  # noqa: E402
import wheels  # noqa: E402
from problem import Problem  # noqa: E402


class Manifest:
    """MANIFEST: see make_bundle.py."""

    def __init__(self, path):
        self.fields, self.needs, self.files, self.links, self.wheels = {}, [], [], {}, []
        with open(path) as f:
            for line in f:
                kind, rest = line.rstrip("\n").split(" ", 1)
                if kind == "file":
                    sha256, mode, size, name = rest.split(" ", 3)
                    self.files.append((name, sha256, int(mode, 8), int(size)))
                elif kind == "link":
                    name, target = rest.split(" ")
                    self.links[name] = target
                elif kind == "wheel":
                    self.wheels.append(wheels.Wheel(*rest.split(" ")))
                elif kind == "needs":
                    self.needs.append(rest)
                else:
                    self.fields[kind] = rest


def numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]


def check_machine(manifest):
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Problem("needs Linux on x86-64, found %s on %s" % (sys.platform, platform.machine()))
    here = os.confstr("CS_GNU_LIBC_VERSION") or "no glibc"
    for need in manifest.needs:
        if need.startswith("GLIBC_") and numbers(here) < numbers(need):
            raise Problem(
                "needs glibc %s (as of Ubuntu 22.04 or Debian 12) or later, found %s" % (need[6:], here)
            )
    if sys.version_info < (3, 10):  # which the hub's client needs
        raise Problem("needs python 3.10 or later, found %d.%d; PYTHON=... names another" % sys.version_info[:2])


def digest(path):
    result = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            result.update(block)
    return result.hexdigest()


def check_files(manifest):
    """Names all that are not as they were packed."""
    wrong = []
    for name, sha256, mode, size in manifest.files:
        path = os.path.join(HERE, name)
        if not os.path.isfile(path):
            wrong.append("%s: is missing" % name)
        elif os.path.getsize(path) != size:
            wrong.append("%s: expected %d bytes, found %d" % (name, size, os.path.getsize(path)))
        elif digest(path) != sha256:
            wrong.append("%s: expected SHA-256 %s, found %s" % (name, sha256, digest(path)))
        elif mode & 0o100 and not os.access(path, os.X_OK):
            wrong.append("%s: cannot be executed; is the folder mounted noexec?" % name)
    for name, target in manifest.links.items():
        path = os.path.join(HERE, name)
        if not os.path.islink(path) or os.readlink(path) != target:
            wrong.append("%s: expected a link to %s" % (name, target))
    if wrong:
        raise Problem("unpack the archive again:\n  " + "\n  ".join(wrong))


def link(name, target):
    """The link `name` here leads to `target` from one moment to the next."""
    temporary = os.path.join(HERE, name + ".new")
    if os.path.lexists(temporary):
        os.remove(temporary)
    if target.startswith(HERE + os.sep):
        target = os.path.relpath(target, HERE)
    os.symlink(target, temporary)
    os.replace(temporary, os.path.join(HERE, name))


def start_programs(manifest):
    problems = []
    for name, _, _, _ in manifest.files:
        if not name.startswith("bin/"):
            continue
        run = subprocess.run(
            [os.path.join(HERE, name), "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if run.returncode != 0:
            said = (run.stderr or run.stdout).strip().splitlines()
            problems.append("%s --help: exit code %d: %s" % (name, run.returncode, said[-1] if said else ""))
    if problems:
        raise Problem("programs do not start:\n  " + "\n  ".join(problems))


def prepare(args, manifest):
    check_machine(manifest)
    check_files(manifest)
    say("%d files as in MANIFEST, content %s" % (len(manifest.files), manifest.fields["content"][:16]))
    wanted = installed_torch.Wanted(manifest.fields["torch"], manifest.fields["cuda"], args.cpu)
    own = os.path.join(HERE, "torch-" + wanted.torch + ("-cpu" if args.cpu else ""))
    site = None if args.install else installed_torch.find(wanted, args.torch_dir, [own], say)
    if site is None:
        needed = [wheel for wheel in manifest.wheels if wheel.part == "cpu" or not args.cpu]
        wheels.install(needed, own, os.path.join(HERE, "wheels"), args.find_links, say)
        site = own
    link("site", site)  # where the programs look
    link("python", sys.executable)  # what bin/fetch_model runs
    for name, path in newer_libraries.link_newer(os.path.join(HERE, "lib"), os.path.join(HERE, "newer")):
        say("%s: this machine's is newer: %s" % (name, path))
    say("torch %s for CUDA %s: %s" % (wanted.torch, wanted.cuda, site))
    start_programs(manifest)
    say("every program starts")


def say(text):
    print("setup: " + text, flush=True)


def main():
    parser = argparse.ArgumentParser(
        prog="setup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--torch_dir", help="site-packages folder with torch to take; default: $TORCH_DIR, then "
                        "that of any python on PATH or in a usual place")  # fmt: skip
    parser.add_argument("--install", action="store_true", help="fetch the pinned wheels whatever is installed")
    parser.add_argument("--cpu", action="store_true", help="what programs need on CPUs alone (0.6 GB)")
    parser.add_argument("--find_links", help="folder of wheels; the network is not used then")
    args = parser.parse_args()
    args.torch_dir = args.torch_dir or os.environ.get("TORCH_DIR")
    with open(os.path.join(HERE, "MANIFEST")) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            prepare(args, Manifest(lock.name))
        except BlockingIOError:
            sys.exit("setup: another setup is at work in " + HERE)
        except (Problem, OSError, subprocess.SubprocessError) as problem:
            sys.exit("setup: %s" % problem)
    print("\nNext:  %s/bin/exp0 --help" % HERE)


if __name__ == "__main__":
    main()
