"""Writes the archive that a pod gets: programs, their libraries, small models, setup, MANIFEST.

The one argument is a JSON file; see bundle.bzl, which writes it. The same inputs give the same bytes.
"""

import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import libraries

SYSTEM_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib"]

# The programs are much alike: a window that holds several of them, so that code is stored once. A higher
# preset takes three times as long for a tenth less.
XZ = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 128 << 20}]


def unpack_debs(debs, scratch):
    """Returns the folders in which their libraries lie now."""
    for deb in debs:
        subprocess.run(["dpkg-deb", "--extract", deb, scratch], check=True)
    multiarch = "lib/x86_64-linux-gnu"
    return [os.path.join(scratch, "usr", multiarch), os.path.join(scratch, multiarch)]


def place_in_wheel(path):
    """The path in its wheel of a file of an external repository: "torch/lib/libc10.so"."""
    below = os.path.realpath(path).partition("/external/")[2]
    if not below:
        raise libraries.Problem("%s: is not of a wheel's repository" % path)
    return below.partition("/")[2]


def is_torchs(path):
    return "/external/" in os.path.realpath(path)


def carried(program, search, scratch):
    """A copy without symbols that looks for libraries in `search`."""
    copy = os.path.join(scratch, os.path.basename(program))
    shutil.copyfile(program, copy)
    subprocess.run(["strip", "--strip-all", copy], check=True)
    subprocess.run(["patchelf", "--force-rpath", "--set-rpath", search, copy], check=True)
    with open(copy, "rb") as f:
        return f.read()


def zipped(files):
    """A zip of {path in it: path}, always the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, path in sorted(files.items()):
            with open(path, "rb") as f:
                archive.writestr(zipfile.ZipInfo(place), f.read(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def place_in_site(path):
    """What Python files of an external repository are imported as: "pip/__main__.py"."""
    return re.sub(r"^(.*/)?external/[^/]+/(site/)?", "", path)


def gather(spec, scratch):
    """Returns ({path in the bundle: content}, newest symbol versions)."""
    provided = {os.path.basename(path): path for path in spec["libraries"] if is_torchs(path)}
    folders = unpack_debs(spec["debs"], os.path.join(scratch, "debs")) + SYSTEM_FOLDERS
    found = libraries.closure(
        sorted(spec["programs"].values()), provided, folders, {"GLIBC": spec["most_glibc"]}
    )
    of_torch = sorted({os.path.dirname(place_in_wheel(path)) for path in provided.values()})
    search = ":".join(["$ORIGIN/../newer", "$ORIGIN/../lib"] + ["$ORIGIN/../site/" + folder for folder in of_torch])
    files = {}
    for name, program in spec["programs"].items():
        files["bin/" + name] = carried(program, search, scratch)
    for name, path in found.bundled.items():
        with open(path, "rb") as f:
            files["lib/" + name] = f.read()
    for place, path in spec["files"].items():
        with open(path, "rb") as f:
            files[place] = f.read()
    for place, paths in spec["zips"].items():
        files[place] = zipped({place_in_site(path): path for path in paths})
    return files, found.newest


def mode_of(path, content):
    return 0o755 if path.startswith("bin/") or content.startswith(b"#!") else 0o644


def manifest(spec, files, newest):
    """The text that setup reads, and people."""
    rows = [
        "file %s %o %d %s" % (hashlib.sha256(content).hexdigest(), mode_of(path, content), len(content), path)
        for path, content in sorted(files.items())
    ]
    rows += ["link %s %s" % (path, target) for path, target in sorted(spec["links"].items())]
    rows += ["wheel %s" % wheel for wheel in spec["wheels"]]
    head = [
        "bundle %s" % spec["name"],
        "content %s" % hashlib.sha256("\n".join(rows).encode()).hexdigest(),
        "torch %s" % spec["torch"],
        "cuda %s" % spec["cuda"],
    ] + ["needs %s" % newest[prefix] for prefix in sorted(newest) if prefix in ("GLIBC", "GLIBCXX")]
    return "\n".join(head + rows) + "\n"


def write_archive(spec, files, output):
    """tar.xz: sorted, of no time and no user."""
    with lzma.open(output, "wb", format=lzma.FORMAT_XZ, filters=XZ) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(list(files) + list(spec["links"])):
                info = tarfile.TarInfo(spec["name"] + "/" + path)
                if path in spec["links"]:
                    info.type, info.linkname, info.mode = tarfile.SYMTYPE, spec["links"][path], 0o777
                    archive.addfile(info)
                    continue
                info.size, info.mode = len(files[path]), mode_of(path, files[path])
                archive.addfile(info, io.BytesIO(files[path]))


def main():
    with open(sys.argv[1]) as f:
        spec = json.load(f)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            files, newest = gather(spec, scratch)
        except libraries.Problem as problem:
            sys.exit("%s cannot be made:\n%s" % (spec["name"], problem))
    files["MANIFEST"] = manifest(spec, files, newest).encode()
    with open(spec["manifest"], "wb") as f:
        f.write(files["MANIFEST"])
    write_archive(spec, files, spec["output"])


if __name__ == "__main__":
    main()
