"""The libtorch version as a build setting, and a rule that builds a binary with another one."""

def _torch_version_impl(ctx):
    value = ctx.build_setting_value
    if value not in ctx.attr.values:
        fail("%s is %s, not one of %s" % (ctx.label, value, ctx.attr.values))
    return []

torch_version = rule(
    implementation = _torch_version_impl,
    build_setting = config.string(flag = True),
    attrs = {"values": attr.string_list(mandatory = True)},
)

def _to_torch_version_impl(settings, attr):
    return {"//third_party/torch:version": attr.version}

# For attributes of rules that have an attribute `version`.
to_torch_version = transition(
    implementation = _to_torch_version_impl,
    inputs = [],
    outputs = ["//third_party/torch:version"],
)

def _with_torch_impl(ctx):
    binary = ctx.attr.binary[0][DefaultInfo]
    output = ctx.actions.declare_file(ctx.label.name)

    # A link, not a copy: $ORIGIN in the binary's RPATH is where the binary really is.
    ctx.actions.symlink(
        output = output,
        target_file = binary.files_to_run.executable,
        is_executable = True,
    )
    return [DefaultInfo(
        executable = output,
        files = depset([output]),
        runfiles = ctx.runfiles([output]).merge(binary.default_runfiles),
    )]

with_torch = rule(
    doc = "The given cc_binary, built with another version of libtorch.",
    implementation = _with_torch_impl,
    executable = True,
    attrs = {
        "binary": attr.label(mandatory = True, executable = True, cfg = to_torch_version),
        "version": attr.string(mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
