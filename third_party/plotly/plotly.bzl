"""plotly_repository: @plotly, plotly.js as the plotly wheel on PyPI brings it along."""

load("//third_party/pypi:wheel.bzl", "pypi_wheel")

def plotly_repository():
    """Declares @plotly, fetched when first needed (10 MB).

    @plotly//:plotly/package_data/plotly.min.js is plotly.js 4.1.1, of the MIT licence, which its head states.
    """
    pypi_wheel(
        name = "plotly",
        build_file = "//third_party/plotly:plotly.BUILD",
        drop = [
            "plotly-7.1.0.data/",
            "plotly/labextension/",
            "plotly/package_data/datasets/",
            "plotly/package_data/widgetbundle.js",
        ],
        package = "plotly",
        sha256 = "dbb7fa18afce40d0a8e80d1bf162eceb3faa0ce5a77fe741ad09a74cf78f53f3",
        version = "7.1.0",
    )
