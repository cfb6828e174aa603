"""The machine's own runtime of C++ where it is newer than the bundle's.

What is compiled on the machine (experiment 2's packages) needs the one that its compiler has; programs run with
a newer one as well, but not with an older one, and only one of them can be loaded.
"""

import ctypes
import os
import re
import subprocess

# {name: its symbol versions}
LIBRARIES = {"libstdc++.so.6": rb"GLIBCXX_([0-9.]+)\0", "libgcc_s.so.1": rb"GCC_([0-9.]+)\0"}


def newest_version(path, pattern):
    """The newest symbol version, as numbers; [] for none."""
    with open(path, "rb") as f:
        found = re.findall(pattern, f.read())
    return max(([int(part) for part in version.decode().split(".")] for version in found), default=[])


def _loaded(name):
    """Where the dynamic linker finds it for this python."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return []
    with open("/proc/self/maps") as maps:
        paths = [line.rstrip("\n").partition("/")[2] for line in maps]
    return ["/" + path for path in paths if os.path.basename(path).startswith(name)][:1]


def _of_compiler(name):
    """The one beside a compiler, if there is one: what it compiles needs that."""
    try:
        run = subprocess.run(
            ["g++", "-print-file-name=" + name], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError:
        return []
    return [run.stdout.strip()]  # the mere name, if it has none


def of_machine(name):
    """The newest that is found; None: there is none."""
    found = [os.path.realpath(path) for path in _loaded(name) + _of_compiler(name) if os.path.isabs(path)]
    found = [path for path in found if os.path.isfile(path)]
    return max(found, key=lambda path: newest_version(path, LIBRARIES.get(name, rb"$^")), default=None)


def link_newer(bundled, links, find=of_machine):
    """`links`, where the programs look first, has links to what is newer than in `bundled`, and nothing else.

    Returns [(name, path)] of them.
    """
    os.makedirs(links, exist_ok=True)
    newer = {}
    for name, pattern in LIBRARIES.items():
        own, path = os.path.join(bundled, name), find(name)
        if path is None or not os.path.exists(own):
            continue
        if newest_version(path, pattern) > newest_version(own, pattern):
            newer[name] = path
    # Programs may be starting: what stays as it is is not touched.
    for name in os.listdir(links):
        if name not in newer:
            os.remove(os.path.join(links, name))
    for name, path in newer.items():
        link = os.path.join(links, name)
        if os.path.islink(link) and os.readlink(link) == path:
            continue
        os.symlink(path, link + ".new")
        os.replace(link + ".new", link)
    return sorted(newer.items())
