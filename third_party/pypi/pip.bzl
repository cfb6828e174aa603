"""pip_repository: @pip, pip itself, for machines whose own is too old or missing."""

load(":wheel.bzl", "pypi_wheel")

def pip_repository():
    """Declares it; fetched when first needed."""
    pypi_wheel(
        name = "pip",
        build_file = "//third_party/pypi:pip.BUILD",
        package = "pip",
        sha256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd",
        version = "25.3",
    )
