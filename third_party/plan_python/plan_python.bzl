"""plan_python_repositories: @plan_python//:python3, a python that can import numpy and scipy."""

load("//third_party/pypi:wheel.bzl", "pypi_wheel")
load("//third_party/torch:python_env.bzl", "torch_python")
load(":pins.bzl", "WHEELS")

def plan_python_repositories():
    """Declares @plan_python, fetched when //analyzer/testing:benchmark_vs_plan first needs it."""
    for package, (version, sha256) in WHEELS.items():
        pypi_wheel(
            name = "plan_python_whl_" + package,
            build_file = "//third_party/torch:python.BUILD",
            package = package,
            sha256 = sha256,
            version = version,
        )
    torch_python(
        name = "plan_python",
        pins = {package: pin[0] for package, pin in WHEELS.items()},
        whl = "plan_python_whl_",
    )
