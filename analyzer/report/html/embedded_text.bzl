"""embedded_text: files as a constant of the program, which then needs none of them to run."""

def embedded_text(name, symbol, srcs):
    """Writes NAME.cc, which defines `symbol` of page_text.h.

    Args:
      name: name of the file.
      symbol: the constant, a string_view of all `srcs` one after the other.
      srcs: text files without the characters `)embedded"`.
    """
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".cc"],
        cmd = """{
          echo '#include "analyzer/report/html/page_text.h"'
          echo 'namespace forensics::analyzer {'
          echo 'static constexpr char kText[] = R"embedded('
          cat %s
          echo ')embedded";'
          echo 'const absl::string_view %s(kText, sizeof(kText) - 1);'
          echo '}'
        } > $@""" % (" ".join(["$(location %s)" % src for src in srcs]), symbol),
        visibility = ["//visibility:private"],
    )
