"""experiment, experiments: a runner binary for the textprotos of one or of several experiments."""

def experiment(name, spec, **kwargs):
    """Declares `bazel run //runner:<name>`, which runs one experiment; see experiments."""
    experiments(name, [spec], **kwargs)

def experiments(name, specs, data = []):
    """Declares `bazel run //runner:<name>`, which runs several experiments in turn.

    The specs are compiled in, so that the binary is whole wherever it is carried to.

    Args:
      name: name of the binary, such as "exp0".
      specs: the experiments' textprotos, in the order to run; see //schema:experiment.proto.
      data: files that these experiments need beside the small models and documents.
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
    native.cc_binary(
        name = name,
        srcs = [name + "_spec.cc"],
        data = [
            "//testdata:documents",
            "//testdata:mini_awq",
            "//testdata:mini_bnb_nf4",
            "//testdata:mini_gptq",
        ] + data,
        visibility = ["//visibility:public"],
        deps = [":main"],
    )
