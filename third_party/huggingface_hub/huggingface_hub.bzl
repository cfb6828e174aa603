"""huggingface_hub_repository: @huggingface_hub//:python3, a python that can `import huggingface_hub`."""

load("//third_party/pypi:site.bzl", "pypi_site")
load(":pins.bzl", "WHEELS")

def huggingface_hub_repository():
    """Declares it; fetched when first needed. Without hf_xet, which is of one machine: plain HTTP."""
    pypi_site(
        name = "huggingface_hub",
        pins = {package: pin for package, pin in WHEELS.items() if package != "hf_xet"},
    )
