"""The libraries that this workspace takes from Debian, under upstream's names."""

load(":debian.bzl", "debian_library")

_ABSL = {
    "absl/algorithm": ["container"],
    "absl/base": ["core_headers"],
    "absl/cleanup": ["cleanup"],
    "absl/container": ["btree", "flat_hash_map", "flat_hash_set", "inlined_vector"],
    "absl/flags": ["flag", "parse", "usage"],
    "absl/functional": ["function_ref"],
    "absl/hash": ["hash"],
    "absl/memory": ["memory"],
    "absl/numeric": ["bits", "int128"],
    "absl/random": ["random"],
    "absl/status": ["status", "statusor"],
    "absl/strings": ["cord", "str_format", "strings"],
    "absl/synchronization": ["synchronization"],
    "absl/time": ["time"],
    "absl/types": ["optional", "span", "variant"],
}

def debian_repositories():
    """Declares all of them; each is set up only when a target needs it."""
    debian_library(
        name = "com_google_absl",
        package = "libabsl-dev",
        alias_to = "//:absl",
        aliases = _ABSL,
        build_file = "//third_party/debian:absl.BUILD",
        headers = ["absl"],
        merge_archives = "absl_",
    )
    debian_library(
        name = "com_google_protobuf",
        package = "libprotobuf-dev protobuf-compiler",
        build_file = "//third_party/debian:protobuf.BUILD",
        headers = ["google/protobuf"],
        libs = ["libprotobuf.a"],
        tools = ["protoc"],
    )
    debian_library(
        name = "com_google_googletest",
        package = "libgtest-dev libgmock-dev",
        build_file = "//third_party/debian:googletest.BUILD",
        headers = ["gtest", "gmock"],
        libs = ["libgtest.a", "libgmock.a", "libgtest_main.a", "libgmock_main.a"],
    )
    debian_library(
        name = "com_github_google_benchmark",
        package = "libbenchmark-dev",
        build_file = "//third_party/debian:benchmark.BUILD",
        headers = ["benchmark"],
        libs = ["libbenchmark.so", "libbenchmark_main.a"],
    )
    debian_library(
        name = "boost",
        package = "libboost-dev",
        build_file = "//third_party/debian:boost.BUILD",
        headers = ["boost"],
    )
    debian_library(
        name = "eigen",
        package = "libeigen3-dev",
        build_file = "//third_party/debian:eigen.BUILD",
        headers = ["eigen3"],
    )
    debian_library(
        name = "rapidjson",
        package = "rapidjson-dev",
        build_file = "//third_party/debian:rapidjson.BUILD",
        headers = ["rapidjson"],
    )
    debian_library(
        name = "pcre2",
        package = "libpcre2-dev",
        build_file = "//third_party/debian:pcre2.BUILD",
        headers = ["pcre2.h"],
        libs = ["libpcre2-8.a"],
    )
    debian_library(
        name = "utf8proc",
        package = "libutf8proc-dev",
        build_file = "//third_party/debian:utf8proc.BUILD",
        headers = ["utf8proc.h"],
        libs = ["libutf8proc.a"],
    )
    debian_library(
        name = "poppler_cpp",
        package = "libpoppler-cpp-dev",
        build_file = "//third_party/debian:poppler_cpp.BUILD",
        headers = ["poppler"],
        libs = ["libpoppler-cpp.so"],
    )
    debian_library(
        name = "gloo",
        package = "libgloo-dev",
        build_file = "//third_party/debian:gloo.BUILD",
        headers = ["gloo"],
        libs = ["libgloo.so"],
    )
    debian_library(
        name = "zlib",
        package = "zlib1g-dev",
        build_file = "//third_party/debian:zlib.BUILD",
        headers = ["zlib.h", "zconf.h"],
        libs = ["libz.a"],
    )
    debian_library(
        name = "openssl",
        package = "libssl-dev",
        build_file = "//third_party/debian:openssl.BUILD",
        headers = ["openssl", "x86_64-linux-gnu/openssl"],
        libs = ["libcrypto.a"],
    )
