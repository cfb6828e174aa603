"""The releases that a bundle for pods is built for and tried in."""

load(":bookworm.bzl", BOOKWORM = "DEBS")
load(":bullseye.bzl", BULLSEYE = "DEBS")
load(":debs.bzl", "deb_files")
load(":jammy.bzl", JAMMY = "DEBS")

# A release's later versions replace its files on the mirrors; the snapshot keeps them.
_DEBIAN = [
    "http://deb.debian.org/debian",
    "http://snapshot.debian.org/archive/debian/20261126T000000Z",
]
_UBUNTU = [
    "http://archive.ubuntu.com/ubuntu",
    "http://old-releases.ubuntu.com/ubuntu",
]

def deb_repositories():
    """Declares @ubuntu_jammy, @debian_bookworm and @debian_bullseye; fetched when first needed."""
    deb_files(name = "ubuntu_jammy", debs = JAMMY, mirrors = _UBUNTU)
    deb_files(name = "debian_bookworm", debs = BOOKWORM, mirrors = _DEBIAN)
    deb_files(name = "debian_bullseye", debs = BULLSEYE, mirrors = _DEBIAN)
