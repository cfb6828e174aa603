"""nvrtc_kernels: CUDA C++ compiled at build time by NVRTC, without nvcc or a GPU."""

def _nvrtc_source_impl(ctx):
    contexts = [dep[CcInfo].compilation_context for dep in ctx.attr.deps]
    includes = depset(transitive = [c.system_includes for c in contexts] +
                                   [c.includes for c in contexts])
    out = ctx.actions.declare_file(ctx.label.name + ".cc")
    args = ctx.actions.args()
    args.add("--symbol", ctx.attr.symbol)
    args.add("--out", out)
    args.add_joined("--arch", ctx.attr.archs, join_with = ",")
    args.add_joined("--include", includes, join_with = ",")
    args.add(ctx.file.src)
    ctx.actions.run(
        executable = ctx.executable._nvrtcc,
        arguments = [args],
        inputs = depset([ctx.file.src] + ctx.files.hdrs, transitive = [c.headers for c in contexts]),
        mnemonic = "NvrtcCompile",
        outputs = [out],
        progress_message = "Compiling kernels %s" % ctx.label,
    )
    return [DefaultInfo(files = depset([out]))]

_nvrtc_source = rule(
    implementation = _nvrtc_source_impl,
    attrs = {
        "archs": attr.string_list(mandatory = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "hdrs": attr.label_list(allow_files = True),
        "src": attr.label(allow_single_file = [".cu"], mandatory = True),
        "symbol": attr.string(mandatory = True),
        "_nvrtcc": attr.label(
            cfg = "target",  # of the chosen CUDA version, as the driver that loads its output may be
            default = "//third_party/nvrtc:nvrtcc",
            executable = True,
        ),
    },
)

def nvrtc_kernels(name, src, symbol, hdrs = [], archs = ["sm_80", "sm_90"], **kwargs):
    """A cc_library that defines `extern const nvrtc::Cubins symbol`.

    Args:
      name: name of the library.
      src: the .cu file; kernels that are `extern "C"` keep their names.
      symbol: the constant to define, in the global namespace.
      hdrs: files that src includes, by their path from the workspace's root.
      archs: the architectures to compile for.
      **kwargs: passed to the cc_library.
    """
    _nvrtc_source(
        name = name + "_cubins",
        src = src,
        archs = archs,
        hdrs = hdrs,
        symbol = symbol,
        deps = ["//third_party/torch:cuda_headers"],
    )
    native.cc_library(
        name = name,
        srcs = [name + "_cubins"],
        deps = ["//third_party/nvrtc:cubins"],
        **kwargs
    )
