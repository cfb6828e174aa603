"""wheel_file: one hash-pinned PyPI wheel as pip finds it, not unpacked; :wheel is the file."""

def _wheel_file_impl(rctx):
    rctx.file("pins.txt", "%s==%s --hash=sha256:%s\n" % (
        rctx.attr.package.replace("_", "-"),
        rctx.attr.version,
        rctx.attr.sha256,
    ))
    rctx.report_progress("pip download " + rctx.attr.package)
    result = rctx.execute([
        "/usr/bin/python3",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--requirement=pins.txt",
    ], timeout = 3600, environment = {"PYTHONNOUSERSITE": "1"})
    if result.return_code != 0:
        fail("cannot fetch %s:\n%s%s" % (rctx.attr.package, result.stdout, result.stderr))
    rctx.file("BUILD.bazel", """filegroup(
    name = "wheel",
    srcs = glob(["*.whl"]),
    visibility = ["//visibility:public"],
)
""", executable = False)

wheel_file = repository_rule(
    doc = "Fetches a wheel that is of any python or of Debian's.",
    implementation = _wheel_file_impl,
    attrs = {
        "package": attr.string(mandatory = True),
        "sha256": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
    },
)
