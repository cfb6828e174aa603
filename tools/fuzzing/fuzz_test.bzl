"""fuzz_test: a libFuzzer target that is a test for a bounded time, and can be run for as long as one likes.

A transition gives the fuzzer and what it links the toolchain of //tools/fuzzing, so that
`bazel test //...` needs no second configuration.
"""

def _sanitized_impl(_settings, _attr):
    return {
        "//command_line_option:compiler": "clang",
        # A --config=asan or tsan of the command line is for gcc.
        "//command_line_option:copt": [],
        "//command_line_option:crosstool_top": "//tools/fuzzing:crosstool",
        "//command_line_option:cxxopt": [],
        "//command_line_option:linkopt": [],
    }

_sanitized = transition(
    implementation = _sanitized_impl,
    inputs = [],
    outputs = [
        "//command_line_option:compiler",
        "//command_line_option:copt",
        "//command_line_option:crosstool_top",
        "//command_line_option:cxxopt",
        "//command_line_option:linkopt",
    ],
)

def _fuzz_test_impl(ctx):
    fuzzer = ctx.attr.fuzzer[0][DefaultInfo].files_to_run.executable
    dictionaries = ctx.files.dictionary
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = script,
        content = "\n".join([
            "#!/bin/sh",
            "export FUZZER='%s' FUZZ_SECONDS=%d FUZZ_MAX_LEN=%d" %
            (fuzzer.short_path, ctx.attr.seconds, ctx.attr.max_len),
            "export FUZZ_DICTIONARY='%s'" % "".join([f.short_path for f in dictionaries]),
            "export FUZZ_CORPUS='%s'" % " ".join([f.short_path for f in ctx.files.corpus]),
            "exec '%s' \"$@\"" % ctx.executable._runner.short_path,
            "",
        ]),
        is_executable = True,
    )
    runfiles = ctx.runfiles([fuzzer, ctx.executable._runner] + dictionaries + ctx.files.corpus)
    return [DefaultInfo(
        executable = script,
        runfiles = runfiles.merge(ctx.attr.fuzzer[0][DefaultInfo].default_runfiles),
    )]

_fuzz_test = rule(
    implementation = _fuzz_test_impl,
    test = True,
    attrs = {
        "corpus": attr.label_list(allow_files = True),
        "dictionary": attr.label_list(allow_files = True),
        "fuzzer": attr.label(mandatory = True, executable = True, cfg = _sanitized),
        "max_len": attr.int(mandatory = True),
        "seconds": attr.int(mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_runner": attr.label(
            default = "//tools/fuzzing:run_fuzzer.sh",
            allow_single_file = True,
            executable = True,
            cfg = "host",
        ),
    },
)

def fuzz_test(name, srcs, deps, corpus, dictionary = [], seconds = 10, max_len = 16384):
    """A test that runs all of `corpus` and then new inputs for some seconds.

    bazel run PACKAGE:NAME -- -max_total_time=600 goes on for ten minutes.

    Args:
      name: of the test; ends with _fuzzer.
      srcs: define LLVMFuzzerTestOneInput.
      deps: of srcs; built with clang and sanitizers.
      corpus: seeds, one input a file; a test must keep them all free of errors.
      dictionary: at most one file of words in libFuzzer's format.
      seconds: time for new inputs in a test.
      max_len: bytes of the longest new input.
    """
    native.cc_binary(
        name = name + "_program",
        testonly = True,
        srcs = srcs,
        # Only with fuzz_test's toolchain is it a program.
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
    _fuzz_test(
        name = name,
        size = "medium",
        corpus = corpus,
        dictionary = dictionary,
        fuzzer = ":" + name + "_program",
        max_len = max_len,
        seconds = seconds,
        testonly = True,
    )
