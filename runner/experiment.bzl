"""experiment, experiments: a runner binary for the textprotos of one or of several experiments."""

load("//third_party/torch:version.bzl", "with_torch")
load("//third_party/torch:versions.bzl", "CUDA_BEYOND_PYPI", "FETCHABLE_CUDA")

def experiment(name, spec, **kwargs):
    """Declares `bazel run //runner:<name>`, which runs one experiment; see experiments."""
    experiments(name, [spec], **kwargs)

def _other_builds(name, cuda_versions, fetchable, tags):
    """Declares <name>_cuda_<version> for those of cuda_versions that are fetchable; returns the names."""
    builds = {"%s_cuda_%s" % (name, cuda): fetchable[cuda] for cuda in cuda_versions if cuda in fetchable}
    for build, version in builds.items():
        with_torch(
            name = build,
            binary = name + "_alone",
            tags = tags,
            version = version,
        )
    return builds.keys()

def experiments(name, specs, data = [], cuda_versions = []):
    """Declares `bazel run //runner:<name>`, which runs several experiments in turn.

    The specs are compiled in, so that the binary is whole wherever it is carried to.

    Args:
      name: name of the binary, such as "exp0".
      specs: the experiments' textprotos, in the order to run; see //schema:experiment.proto.
      data: files that these experiments need beside the small models and documents.
      cuda_versions: values of cuda_version in them. Those whose libtorch can be fetched come along as
        <name>_cuda_<version>, the same program built against that libtorch; where it is not on PyPI,
        with --//third_party/torch:beyond_pypi alone.

    <name>_alone is the program without files of its own that come along, as it is carried elsewhere.
    """
    native.genrule(
        name = name + "_spec",
        srcs = specs,
        outs = [name + "_spec.cc"],
        cmd = "(echo '#include \"runner/experiment_spec.h\"'; " +
              "echo 'const char* const forensics::runner::kExperimentSpecs[] = {'; " +
              "for spec in $(SRCS); do " +
              "echo 'R\"textproto('; cat $$spec; echo ')textproto\",'; done; " +
              "echo 'nullptr};') > $@",
    )
    other_builds = _other_builds(name, cuda_versions, FETCHABLE_CUDA, tags = [])
    beyond_pypi = _other_builds(name, cuda_versions, CUDA_BEYOND_PYPI, tags = ["manual"])
    native.cc_binary(
        name = name + "_alone",
        srcs = [name + "_spec.cc"],
        tags = ["manual"],
        visibility = ["//pods:__subpackages__"],
        deps = [":main"],
    )
    native.cc_binary(
        name = name,
        srcs = [name + "_spec.cc"],
        data = [
            "//testdata:documents",
            "//testdata:mini_awq",
            "//testdata:mini_bnb_nf4",
            "//testdata:mini_gptq",
        ] + data + other_builds + select({
            "//third_party/torch:is_beyond_pypi": beyond_pypi,
            "//conditions:default": [],
        }),
        visibility = ["//visibility:public"],
        deps = [":main"],
    )
