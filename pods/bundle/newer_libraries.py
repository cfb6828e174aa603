"""The machine's own runtime of C++ where it is newer than the bundle's.

What is compiled on the machine (experiment 2's packages) needs the one that its compiler has; programs run with
a newer one as well, but not with an older one, and only one of them can be loaded.
"""

import ctypes
import os
import re

# {name: its symbol versions}
LIBRARIES = {"libstdc++.so.6": rb"GLIBCXX_([0-9.]+)\0", "libgcc_s.so.1": rb"GCC_([0-9.]+)\0"}


def newest_version(path, pattern):
    """The newest symbol version, as numbers; [] for none."""
    with open(path, "rb") as f:
        found = re.findall(pattern, f.read())
    return max(([int(part) for part in version.decode().split(".")] for version in found), default=[])


def of_machine(name):
    """Where the dynamic linker finds it; None: nowhere."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    with open("/proc/self/maps") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if path and os.path.basename(path).startswith(name):
                return "/" + path
    return None


def link_newer(bundled, links, find=of_machine):
    """`links`, where the programs look first, has links to what is newer than in `bundled`, and nothing else.

    Returns [(name, path)] of them.
    """
    os.makedirs(links, exist_ok=True)
    for name in os.listdir(links):
        os.remove(os.path.join(links, name))
    newer = []
    for name, pattern in LIBRARIES.items():
        own, path = os.path.join(bundled, name), find(name)
        if path is None or not os.path.exists(own):
            continue
        if newest_version(path, pattern) > newest_version(own, pattern):
            os.symlink(path, os.path.join(links, name))
            newer.append((name, path))
    return newer
