"""link_only: what a library links with and needs to run, without its headers."""

def _is_left_out(library, names):
    for file in [library.dynamic_library, library.interface_library]:
        for name in names:
            if file and file.basename.startswith(name + "."):
                return True
    return False

def _link_only_impl(ctx):
    merged = cc_common.merge_cc_infos(cc_infos = [library[CcInfo] for library in ctx.attr.deps])
    inputs = [
        cc_common.create_linker_input(
            owner = linked.owner,
            libraries = depset([
                library
                for library in linked.libraries
                if not _is_left_out(library, ctx.attr.without)
            ]),
            user_link_flags = depset(linked.user_link_flags),
            additional_inputs = depset(linked.additional_inputs),
        )
        for linked in merged.linking_context.linker_inputs.to_list()
    ]
    return [CcInfo(
        linking_context = cc_common.create_linking_context(linker_inputs = depset(inputs)),
    )]

link_only = rule(
    doc = "For libraries that a flag adds: nothing is compiled again for their include folders.",
    implementation = _link_only_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "without": attr.string_list(doc = "Libraries to leave out, such as \"libnvblas.so\"."),
    },
)
