"""What a shared library or a program needs of others, as binutils' objdump shows it."""

import re
import subprocess


class Elf:
    """needed: names of libraries. required: {library: {symbol version}}. defined: {symbol version}.

    search: what it has as RPATH or RUNPATH, or None.
    """

    def __init__(self, dump):
        self.needed = re.findall(r"^ +NEEDED +(\S+)$", dump, re.MULTILINE)
        search = re.findall(r"^ +(?:RPATH|RUNPATH) +(\S+)$", dump, re.MULTILINE)
        self.search = search[0] if search else None
        definitions = re.search(r"^Version definitions:\n((?:.+\n)*)", dump, re.MULTILINE)
        self.defined = set(
            re.findall(r"^\d+ 0x\S+ 0x\S+ (\S+)", definitions.group(1), re.MULTILINE)
            if definitions
            else []
        )
        self.required = {}
        references = dump.partition("Version References:\n")[2]
        for library, versions in re.findall(r"required from (\S+):\n((?:    .+\n)*)", references):
            self.required[library] = set(re.findall(r" (\S+)$", versions, re.MULTILINE))


def read(path):
    result = subprocess.run(
        ["objdump", "--private-headers", path], check=True, capture_output=True, text=True
    )
    return Elf(result.stdout)


def version_key(name):
    """Orders symbol versions: "GLIBC_2.4" is before "GLIBC_2.34"."""
    return [int(part) for part in re.findall(r"\d+", name)]
