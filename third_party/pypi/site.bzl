"""pypi_site: several hash-pinned wheels as one site-packages folder, by one call of pip.

For pure Python programs with many dependencies: a repository for each wheel (wheel.bzl) would take
seconds for each.
"""

def _pypi_site_impl(rctx):
    rctx.file("pins.txt", "\n".join([
        "%s==%s --hash=sha256:%s" % (package.replace("_", "-"), pin[0], pin[1])
        for package, pin in rctx.attr.pins.items()
    ]) + "\n", executable = False)
    rctx.report_progress("pip install of %d wheels" % len(rctx.attr.pins))
    result = rctx.execute([
        "/usr/bin/python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--require-hashes",
        "--only-binary=:all:",
        "--target=site",
        "--requirement=pins.txt",
    ], timeout = 3600, environment = {"PYTHONNOUSERSITE": "1"})
    if result.return_code != 0:
        fail("%s: pip cannot install the pins:\n%s%s" % (rctx.name, result.stdout, result.stderr))
    rctx.template("python3", rctx.attr._launcher, {"{PINS}": ", ".join(sorted(rctx.attr.pins.keys()))})
    rctx.file("BUILD.bazel", """exports_files(["python3"])
filegroup(
    name = "site",
    srcs = glob(["site/**/*.pem", "site/**/*.py"]),
    visibility = ["//visibility:public"],
)
""", executable = False)

pypi_site = repository_rule(
    doc = "@NAME//:python3 imports them; :site is their Python files, below site/.",
    implementation = _pypi_site_impl,
    attrs = {
        "pins": attr.string_list_dict(mandatory = True, doc = "{package: [version, sha256]}, of lock.py"),
        "_launcher": attr.label(default = "//third_party/torch:python_env.sh"),
    },
)
