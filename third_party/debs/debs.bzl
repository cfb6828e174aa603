"""deb_files: pinned .deb files of a distribution, as they are; :debs is all of them."""

def _deb_files_impl(rctx):
    for path, sha256 in rctx.attr.debs.items():
        rctx.download(
            ["%s/%s" % (mirror, path) for mirror in rctx.attr.mirrors],
            path.rpartition("/")[2].partition("_")[0] + ".deb",
            sha256 = sha256,
        )
    rctx.file("BUILD.bazel", """package(default_visibility = ["//visibility:public"])
exports_files(glob(["*.deb"]))
filegroup(name = "debs", srcs = glob(["*.deb"]))
""", executable = False)

deb_files = repository_rule(
    doc = "Fetches the files that //third_party/debs/lock.py pinned, each as NAME.deb.",
    implementation = _deb_files_impl,
    attrs = {
        "debs": attr.string_dict(mandatory = True, doc = "{path below a mirror: SHA-256}"),
        "mirrors": attr.string_list(mandatory = True, doc = "In the order to try."),
    },
)
