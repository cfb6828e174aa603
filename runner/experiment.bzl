"""experiment: one runner binary for one experiment's textproto."""

def experiment(name, spec):
    """Declares `bazel run //runner:<name>`.

    The spec is compiled in, so that the binary is whole wherever it is carried to.

    Args:
      name: name of the binary, such as "exp0".
      spec: the experiment's textproto; see //schema:experiment.proto.
    """
    native.genrule(
        name = name + "_spec",
        srcs = [spec],
        outs = [name + "_spec.cc"],
        cmd = "(echo '#include \"runner/experiment_spec.h\"'; " +
              "echo 'const char forensics::runner::kExperimentSpec[] = R\"textproto('; " +
              "cat $<; echo ')textproto\";') > $@",
    )
    native.cc_binary(
        name = name,
        srcs = [name + "_spec.cc"],
        data = [
            "//testdata:documents",
            "//testdata:mini_awq",
            "//testdata:mini_bnb_nf4",
            "//testdata:mini_gptq",
        ],
        visibility = ["//visibility:public"],
        deps = [":main"],
    )
