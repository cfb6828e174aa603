"""Prints the pins of what debootstrap --variant=minbase would unpack, and more, as a .bzl dictionary.

  python3 third_party/debs/lock.py http://archive.ubuntu.com/ubuntu jammy python3 > third_party/debs/jammy.bzl

Packages are those that are essential in the release's `main`, the named ones, and what they need: of
alternatives the first one there. The index is held against the release's SHA-256, but no signature is
looked at: compare the pins with another mirror's.
"""

import argparse
import hashlib
import lzma
import re
import sys
import urllib.request

INDEX = "main/binary-amd64/Packages.xz"


def fetch_index(mirror, suite):
    base = "%s/dists/%s/" % (mirror, suite)
    release = urllib.request.urlopen(base + "Release").read().decode()
    data = urllib.request.urlopen(base + INDEX).read()
    digest = hashlib.sha256(data).hexdigest()
    if not re.search(r"^ %s +\d+ %s$" % (digest, re.escape(INDEX)), release, re.MULTILINE):
        sys.exit("%s%s: SHA-256 %s is not in the release" % (base, INDEX, digest))
    return lzma.decompress(data).decode()


def parse(index):
    """Returns ({name: fields}, {virtual name: [name]})."""
    packages, provided = {}, {}
    for paragraph in index.strip().split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.MULTILINE))
        packages[fields["Package"]] = fields
        for virtual in filter(None, re.split(r", *", fields.get("Provides", ""))):
            provided.setdefault(virtual.split(" ")[0], []).append(fields["Package"])
    return packages, provided


def first_of(alternatives, packages, provided):
    for alternative in alternatives.split("|"):
        name = re.sub(r"[ (:].*", "", alternative.strip())
        if name in packages:
            return name
        if name in provided:
            return provided[name][0]
    sys.exit("nothing is " + alternatives)


def closure(roots, packages, provided):
    chosen, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name in chosen:
            continue
        chosen.add(name)
        needs = [packages[name].get(field, "") for field in ("Pre-Depends", "Depends")]
        for alternatives in filter(None, re.split(r", *", ", ".join(filter(None, needs)))):
            waiting.append(first_of(alternatives, packages, provided))
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirror")
    parser.add_argument("suite")
    parser.add_argument("package", nargs="*")
    args = parser.parse_args()
    packages, provided = parse(fetch_index(args.mirror, args.suite))
    essential = [name for name, fields in packages.items() if fields.get("Essential") == "yes"]
    print('"""Pins written by third_party/debs/lock.py %s."""' % " ".join(sys.argv[1:]))
    print()
    print("# {path below the mirror: SHA-256}")
    print("DEBS = {")
    for name in sorted(closure(essential + args.package, packages, provided)):
        print('    "%s": "%s",' % (packages[name]["Filename"], packages[name]["SHA256"]))
    print("}")


if __name__ == "__main__":
    main()
