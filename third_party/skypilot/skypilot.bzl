"""skypilot_repository: @skypilot//:python3, a python that can `import sky`."""

load(":pins.bzl", "WHEELS")

def _skypilot_impl(rctx):
    pins = ["%s==%s --hash=sha256:%s" % (package.replace("_", "-"), pin[0], pin[1]) for package, pin in WHEELS.items()]
    rctx.file("pins.txt", "\n".join(pins) + "\n", executable = False)
    rctx.report_progress("pip install skypilot")

    # One call for all 96 wheels (92 MB): a repository each would take three minutes.
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
        fail("cannot fetch skypilot:\n%s%s" % (result.stdout, result.stderr))
    rctx.template("python3", rctx.attr._launcher, {"{PINS}": "skypilot==" + WHEELS["skypilot"][0]})
    rctx.file("BUILD.bazel", "exports_files([\"python3\"])\n", executable = False)

skypilot_repository = repository_rule(
    doc = "Installs the pinned wheels in a folder of their own.",
    implementation = _skypilot_impl,
    attrs = {"_launcher": attr.label(default = "//third_party/torch:python_env.sh")},
)
