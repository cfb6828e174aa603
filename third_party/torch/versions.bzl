"""The table of libtorch versions; //third_party/torch:version picks one by its name.

A wheel is of one CUDA version. Wheels older than 2.7 are of the C++ ABI before C++11 and do not link
with the rest; for CUDA versions that no later torch is built for there are PyTorch's own cxx11-ABI
archives.
"""

load("//third_party:libtorch.bzl", "libtorch")
load("//third_party/pypi:wheel_file.bzl", "wheel_file")
load(":archive.bzl", "libtorch_archive")
load(":python_env.bzl", "torch_python")
load(":torch_2_10.bzl", TORCH_2_10 = "WHEELS")
load(":torch_2_11.bzl", TORCH_2_11 = "WHEELS")
load(":torch_2_7.bzl", TORCH_2_7 = "WHEELS")
load(":torch_2_7_cu118.bzl", TORCH_2_7_CU118 = "WHEELS")

DEFAULT_VERSION = "2.11"

def _wheels(repository, torch, cuda, wheels, python = "3.11"):
    """An entry of wheels.

    Args:
      repository: name of the CPU half's repository.
      torch: its version.
      cuda: as in torch.version.cuda.
      wheels: what third_party/pypi/lock.py wrote.
      python: what it was given as --python.
    """
    return struct(
        repository = repository,
        torch = torch,
        cuda = cuda,
        wheels = wheels,
        python = python,
        # PyPI has all of them. What has not is fetched where it is asked for by name, or with
        # --//third_party/torch:beyond_pypi; nothing else needs any other host.
        on_pypi = not [package for package, pin in wheels.items() if len(pin) > 2],
    )

# "2.7" and "2.7-cu118" are of one torch and differ in CUDA, cuDNN and NCCL. The SHA-256 of the latter's
# torch is the one that public repositories pin, a Nix expression among them.
_WHEELS = {
    "2.11": _wheels("libtorch", "2.11.0", "13.0", TORCH_2_11),
    "2.10": _wheels("libtorch_2_10", "2.10.0", "12.8", TORCH_2_10),
    "2.7": _wheels("libtorch_2_7", "2.7.1", "12.6", TORCH_2_7),
    "2.7-cu118": _wheels("libtorch_2_7_cu118", "2.7.1", "11.8", TORCH_2_7_CU118, python = "3.12"),
}

# 2.5 is the last torch for CUDA 12.1. No hash of its archive is known from a source that can be
# trusted. To use an archive, fill in its sha256:
#
#   curl -L URL | sha256sum
#
# Until then it is declared, but nothing is built with it: fetching it is an error.
_ARCHIVES = {
    "2.5-cu121": struct(
        repository = "libtorch_2_5_cu121",
        torch = "2.5.1",
        cuda = "12.1",
        url = "https://download.pytorch.org/libtorch/cu121/libtorch-cxx11-abi-shared-with-deps-2.5.1%2Bcu121.zip",
        sha256 = "",
    ),
}

VERSIONS = dict(_WHEELS.items() + _ARCHIVES.items())

# {CUDA version: libtorch version} of what is fetched for //... where a target needs it.
FETCHABLE_CUDA = {
    entry.cuda: version
    for version, entry in VERSIONS.items()
    if (entry.on_pypi if version in _WHEELS else entry.sha256)
}

# The same of what is fetched only where it is asked for.
CUDA_BEYOND_PYPI = {
    entry.cuda: version
    for version, entry in _WHEELS.items()
    if not entry.on_pypi
}

def setting_name(version):
    """Name of the config_setting in //third_party/torch that is on with `version`."""
    return "is_" + version.replace(".", "_").replace("-", "_")

def select_by_version(value_of):
    """A select() over the versions.

    Args:
      value_of: {version: value}, for each of VERSIONS.
    """
    return select({
        "//third_party/torch:" + setting_name(version): value
        for version, value in value_of.items()
    })

def cuda_version_define(name):
    """For local_defines: `name` is the CUDA version of the chosen libtorch, a string literal."""
    return select_by_version({
        version: ["%s=\\\"%s\\\"" % (name, entry.cuda)]
        for version, entry in VERSIONS.items()
    })

def libtorch_repositories():
    """Declares all of them; each is fetched when a target first needs it."""
    for entry in _WHEELS.values():
        libtorch(
            name = entry.repository,
            cuda = entry.cuda.split(".")[0],
            python = entry.python,
            version = entry.torch,
            wheels = entry.wheels,
        )
    for entry in _ARCHIVES.values():
        libtorch_archive(
            name = entry.repository,
            sha256 = entry.sha256,
            url = entry.url,
        )

def torch_wheel_files():
    """Declares @torch_wheel_file_X, wheels as pip finds them, of what the default libtorch_cpu needs."""
    for package in ["torch", "nvidia_cuda_cupti", "nvidia_cuda_runtime"]:
        pinned, sha256 = _WHEELS[DEFAULT_VERSION].wheels[package]
        wheel_file(
            name = "torch_wheel_file_" + package,
            package = package,
            sha256 = sha256,
            version = pinned,
        )

def torch_python_repository():
    """Declares @torch_python, a Python with the default version, for what exports at build time.

    @torch_python_cuda has Triton as well, which compiles for GPUs alone.
    """
    default = _WHEELS[DEFAULT_VERSION]
    pins = {package: pin[0] for package, pin in default.wheels.items()}
    torch_python(
        name = "torch_python",
        pins = {package: pin for package, pin in pins.items() if package != "triton"},
        whl = default.repository + "_whl_",
    )
    torch_python(
        name = "torch_python_cuda",
        pins = pins,
        whl = default.repository + "_whl_",
    )
