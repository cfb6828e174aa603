"""compiled_packages: a model's fused regions, compiled by AOTInductor at build time."""

def _compiled_packages_impl(ctx):
    # Of its own, so that the long action only runs again where the dimensions change.
    dims = ctx.actions.declare_file(ctx.label.name + "_dims.txt")
    ctx.actions.run_shell(
        command = "%s %s 1 > %s" % (
            ctx.executable._describe_dims.path,
            ctx.file.config.path,
            dims.path,
        ),
        inputs = [ctx.file.config],
        outputs = [dims],
        tools = [ctx.executable._describe_dims],
    )
    output = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable._builder,
        arguments = [
            "--dims_file=" + dims.path,
            "--output=" + output.path,
        ],
        inputs = [dims],
        outputs = [output],
        # g++ and its helpers.
        use_default_shell_env = True,
        mnemonic = "CompilePackages",
        progress_message = "Compiling fused regions with AOTInductor for %s" % ctx.label,
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles([output]),
    )]

compiled_packages = rule(
    doc = "A folder of packages and index.json, of each dtype; see build_packages.py.",
    implementation = _compiled_packages_impl,
    attrs = {
        "config": attr.label(
            doc = "The model's config.json.",
            mandatory = True,
            allow_single_file = True,
        ),
        "_builder": attr.label(
            default = "//runner/compile:package_builder",
            executable = True,
            cfg = "host",
        ),
        "_describe_dims": attr.label(
            default = "//runner/compile:describe_dims",
            executable = True,
            cfg = "host",
        ),
    },
)
