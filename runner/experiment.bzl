"""experiment, experiments: a runner binary for the textprotos of one or of several experiments."""

load("//third_party/torch:version.bzl", "with_torch")
load("//third_party/torch:versions.bzl", "FETCHABLE_CUDA")

def experiment(name, spec, **kwargs):
    """Declares `bazel run //runner:<name>`, which runs one experiment; see experiments."""
    experiments(name, [spec], **kwargs)

def experiments(name, specs, data = [], cuda_versions = []):
    """Declares `bazel run //runner:<name>`, which runs several experiments in turn.

    The specs are compiled in, so that the binary is whole wherever it is carried to.

    Args:
      name: name of the binary, such as "exp0".
      specs: the experiments' textprotos, in the order to run; see //schema:experiment.proto.
      data: files that these experiments need beside the small models and documents.
      cuda_versions: values of cuda_version in them. Those whose libtorch can be fetched come along as
        <name>_cuda_<version>, the same program built against that libtorch.

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
    other_builds = []
    for cuda_version in cuda_versions:
        if cuda_version not in FETCHABLE_CUDA:
            continue
        other_builds.append("%s_cuda_%s" % (name, cuda_version))
        with_torch(
            name = other_builds[-1],
            binary = name + "_alone",
            version = FETCHABLE_CUDA[cuda_version],
        )
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
        ] + data + other_builds,
        visibility = ["//visibility:public"],
        deps = [":main"],
    )
