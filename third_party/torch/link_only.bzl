"""link_only: what a library links with and needs to run, without its headers."""

def _link_only_impl(ctx):
    infos = [library[CcInfo] for library in ctx.attr.deps]
    merged = cc_common.merge_cc_infos(cc_infos = infos)
    return [CcInfo(linking_context = merged.linking_context)]

link_only = rule(
    doc = "For libraries that a flag adds: nothing is compiled again for their include folders.",
    implementation = _link_only_impl,
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
)
