"""The shared libraries that programs need where they are carried to, found by walking DT_NEEDED."""

import os

import elf

# The machine's own: glibc has to fit its kernel and its configuration.
GLIBC = {
    "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0",
    "libresolv.so.2", "librt.so.1", "libutil.so.1",
}  # fmt: skip


class Problem(Exception):
    """The message names all that is wrong, a line each."""


class Closure:
    """bundled: {name: path}. newest: {prefix of symbol versions: the newest one needed}."""

    def __init__(self):
        self.bundled = {}
        self.newest = {}


def _find(name, folders):
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def _walk(programs, provided, folders):
    """Returns ({path: Elf}, {name: path} of the libraries to bring along)."""
    read, bundled, problems = {}, {}, []
    waiting = list(programs) + sorted(provided.values())
    of_torch = set(provided.values())
    while waiting:
        path = waiting.pop()
        read[path] = elf.read(path)
        if path in bundled.values() and read[path].search is not None:
            problems.append("%s: has a search path of its own: %s" % (path, read[path].search))
        for name in read[path].needed:
            if name in GLIBC or name in provided or name in bundled:
                continue
            found = _find(name, folders)
            if found is not None:
                bundled[name] = found
                waiting.append(found)
            elif path not in of_torch:
                problems.append("%s: needs %s, which is not in %s" % (path, name, ":".join(folders)))
    if problems:
        raise Problem("\n".join(sorted(problems)))
    return read, bundled


def _check_versions(read, bundled, most):
    """Returns the newest symbol versions needed; no library may lack one that another wants."""
    newest, problems = {}, []
    for path, needs in sorted(read.items()):
        for library, versions in sorted(needs.required.items()):
            if library in bundled:
                for version in sorted(versions - read[bundled[library]].defined):
                    problems.append("%s: needs %s, which %s lacks" % (path, version, bundled[library]))
            for version in versions:
                prefix = version.partition("_")[0]
                newest[prefix] = max(version, newest.get(prefix, version), key=elf.version_key)
                if prefix in most and elf.version_key(version) > elf.version_key(most[prefix]):
                    problems.append("%s: needs %s, newer than %s" % (path, version, most[prefix]))
    if problems:
        raise Problem("\n".join(problems))
    return newest


def closure(programs, provided, folders, most):
    """What to bring along for `programs`.

    Args:
      programs: paths.
      provided: {name: path} of libraries that are already there, libtorch's; what they need beyond
        libraries in `folders` is theirs to find.
      folders: where libraries are looked for, in this order.
      most: {prefix: newest symbol version allowed}, such as {"GLIBC": "GLIBC_2.35"}.

    Raises:
      Problem: a library is missing, too new, or lacks what another needs of it.
    """
    result = Closure()
    read, result.bundled = _walk(programs, provided, folders)
    result.newest = _check_versions(read, result.bundled, most)
    return result
