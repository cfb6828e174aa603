"""libtorch_archive: libtorch from one of PyTorch's own zip archives."""

# Headers that torch bundles and that would shadow the system's own libraries.
_SHADOWING = ["include/fmt", "include/google", "include/pybind11"]

def _libtorch_archive_impl(rctx):
    if not rctx.attr.sha256:
        fail("%s has no SHA-256 yet; third_party/torch/versions.bzl says how to add it" % rctx.attr.url)
    rctx.download_and_extract(
        rctx.attr.url,
        sha256 = rctx.attr.sha256,
        stripPrefix = "libtorch",
        type = "zip",
    )
    for folder in _SHADOWING:
        rctx.delete(folder)
    rctx.symlink(rctx.attr._build_file, "BUILD.bazel")

libtorch_archive = repository_rule(
    doc = "Fetches an archive and gives it the targets of the torch wheel's repository.",
    implementation = _libtorch_archive_impl,
    attrs = {
        "sha256": attr.string(doc = "Empty: declared, not to be fetched."),
        "url": attr.string(mandatory = True),
        "_build_file": attr.label(default = "//third_party/torch:archive.BUILD"),
    },
)
