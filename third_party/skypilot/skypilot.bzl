"""skypilot_repository: @skypilot//:python3, a python that can `import sky`."""

load("//third_party/pypi:site.bzl", "pypi_site")
load(":pins.bzl", "WHEELS")

def skypilot_repository():
    """Declares it; fetched (92 MB) when //pods/sky:validate_test first needs it."""
    pypi_site(name = "skypilot", pins = WHEELS)
