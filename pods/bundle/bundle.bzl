"""pod_bundle: an archive of programs that runs on a machine with python and nothing to build with."""

load("//third_party/torch:version.bzl", "to_torch_version")
load("//third_party/torch:versions.bzl", "VERSIONS")

# Headers alone.
_NOT_TO_RUN = ["nvidia_cuda_cccl", "nvidia_cuda_crt"]

# What libtorch_cpu itself needs.
_CPU = ["torch", "nvidia_cuda_cupti", "nvidia_cuda_runtime"]

def _bundle_name(cuda):
    return "forensics-cuda-" + cuda

def _wheels(version):
    """Those that setup fetches, as MANIFEST names them: "name version sha256 part", some with a URL."""
    wheels = []
    for package, pin in VERSIONS[version].wheels.items():
        if package != "torch" and not package.startswith("nvidia_") or package in _NOT_TO_RUN:
            continue
        part = "cpu" if package.rpartition("_cu1")[0] in _CPU or package in _CPU else "cuda"
        wheels.append(" ".join([package.replace("_", "-"), pin[0], pin[1], part] + pin[2:]))
    return wheels

def _other_builds(version):
    """Links to experiment 6's programs in the bundles for other CUDA versions, unpacked beside this one."""
    return {
        "share/floating_point_forensics/runner/exp6_cuda_" + entry.cuda: "../../../../%s/bin/exp6" % _bundle_name(entry.cuda)
        for other, entry in VERSIONS.items()
        if other != version
    }

def _is_shared_library(file):
    return file.basename.endswith(".so") or ".so." in file.basename

def _place(file, folder):
    """Where a file goes: programs look for what is below `share` under its name in the workspace."""
    return "%s/%s" % (folder, file.short_path if folder.startswith("share") else file.basename)

def _pod_bundle_impl(ctx):
    entry = VERSIONS[ctx.attr.version]
    output = ctx.actions.declare_file(_bundle_name(entry.cuda) + ".tar.xz")
    manifest = ctx.actions.declare_file(_bundle_name(entry.cuda) + ".MANIFEST")
    programs = {}
    libraries = {}
    for target, name in ctx.attr.programs.items():
        programs[name] = target[DefaultInfo].files_to_run.executable
        for file in target[DefaultInfo].default_runfiles.files.to_list():
            if _is_shared_library(file):
                libraries[file.path] = file
    files = {}
    for target, folder in ctx.attr.data.items():
        for file in target.files.to_list():
            files[_place(file, folder)] = file
    files["setup"] = ctx.file.setup
    links = _other_builds(ctx.attr.version)
    links.update({"bin/%s.runfiles" % name: "../share" for name in programs})
    spec = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(spec, struct(
        cuda = entry.cuda,
        debs = [file.path for file in ctx.files.debs],
        files = {place: file.path for place, file in files.items()},
        libraries = sorted(libraries.keys()),
        links = links,
        manifest = manifest.path,
        most_glibc = ctx.attr.most_glibc,
        name = _bundle_name(entry.cuda),
        output = output.path,
        zips = {
            "libexec/%s.zip" % name: sorted([file.path for file in target.files.to_list()])
            for target, name in ctx.attr.zips.items()
        },
        programs = {name: file.path for name, file in programs.items()},
        torch = entry.torch,
        wheels = _wheels(ctx.attr.version),
    ).to_json())
    ctx.actions.run(
        outputs = [output, manifest],
        inputs = [spec] + programs.values() + libraries.values() + files.values() +
                 ctx.files.debs + ctx.files.zips + ctx.files._make_files + [ctx.file._make],
        executable = "/usr/bin/python3",
        arguments = ["-B", ctx.file._make.path, spec.path],
        mnemonic = "PodBundle",
        progress_message = "Packing %s" % output.short_path,
    )
    return [
        DefaultInfo(files = depset([output]), runfiles = ctx.runfiles([output])),
        OutputGroupInfo(manifest = depset([manifest])),
    ]

_pod_bundle = rule(
    implementation = _pod_bundle_impl,
    attrs = {
        "data": attr.label_keyed_string_dict(allow_files = True, doc = "{files: folder in the bundle}"),
        "debs": attr.label_list(allow_files = True, doc = "Packages whose libraries precede the system's."),
        "most_glibc": attr.string(mandatory = True, doc = "Newest symbol version that may be needed."),
        "programs": attr.label_keyed_string_dict(cfg = to_torch_version, doc = "{program: name}"),
        "setup": attr.label(mandatory = True, allow_single_file = True),
        "version": attr.string(mandatory = True, doc = "libtorch's; see //third_party/torch:versions.bzl."),
        "zips": attr.label_keyed_string_dict(doc = "{Python files of one repository: name of the zip}"),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_make": attr.label(default = "//pods/bundle:make_bundle.py", allow_single_file = True),
        "_make_files": attr.label(default = "//pods/bundle:make_files"),
    },
)

def pod_bundle(name, version, **kwargs):
    """Declares forensics-cuda-X.tar.xz, programs built against libtorch `version`."""
    _pod_bundle(
        name = name,
        version = version,
        most_glibc = "GLIBC_2.35",  # Ubuntu 22.04's
        # Debian's of the same versions need a newer glibc.
        debs = [
            "@ubuntu_jammy//:libexpat1.deb",
            "@ubuntu_jammy//:libstdc++6.deb",
        ],
        setup = "//pods/bundle:setup",
        zips = {
            "@huggingface_hub//:site": "huggingface_hub",
            "@pip//:files": "pip",
        },
        **kwargs
    )
