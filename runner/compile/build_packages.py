"""Compiles the fused regions of a model (regions.py) with AOTInductor and packages them for C++.

  bazel run //runner/compile:build_packages -- --model=DIR --dtype=float32 --output=DIR

writes, for each dtype, one .pt2 file that holds all regions, and index.json, which says what each
file is for. An index that is there already keeps its other entries. --device=cuda compiles for the
GPU of this machine; so does, without Bazel, any python3 that has PyTorch and Triton:

  python3 runner/compile/build_packages.py --device=cuda --dims_file=FILE --output=DIR

Both need g++ and Python's headers.
"""

import argparse
import concurrent.futures
import contextlib
import glob
import hashlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import traceback
import zipfile

import torch
from torch._inductor import codecache, config, cpu_vec_isa
from torch._inductor.codegen.cpp_wrapper_cpu import CppWrapperCpu
from torch._inductor.package import package_aoti
from torch.fx.experimental import _config as export_config

from regions import regions

FORMAT_VERSION = 1
INDEX = "index.json"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PATH_COMMENT = re.compile(rb"^// (.*/.*|Compile cmd|Link cmd)\n", re.MULTILINE)
EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def parse_dims(text):
    """PackageKey::Dims() of package_key.h as a dictionary."""
    dims = dict(field.split("=") for field in text.split())
    widths = [int(width) for width in dims.pop("widths").split(",")]
    eps = float(dims.pop("eps"))
    return {**{name: int(value) for name, value in dims.items()}, "eps": eps, "widths": widths}


def declare_int_array(self, int_array, writeline, known_statically=False, graph=None):
    return self._codegen_int_array_var_impl(int_array, writeline, known_statically)


@contextlib.contextmanager
def fixed_environment():
    """A home for caches that nobody else reads, for this process and those that it starts."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(
            HOME=scratch,
            TMPDIR=scratch,
            USER="nobody",
            TORCHINDUCTOR_CACHE_DIR=os.path.join(scratch, "inductor"),
            TORCHINDUCTOR_COMPILE_THREADS="1",
            PYTHONHASHSEED="0",
            CXX=os.path.join(here, "../../third_party/torch/gxx_aoti.sh"),
            TRITON_DISABLE_LINE_INFO="1",  # the paths of its sources
        )
        tempfile.tempdir = scratch
        yield


def find_cuda_headers():
    """Those that PyTorch was installed with, else what TorchInductor finds by itself."""
    site = os.path.dirname(os.path.dirname(torch.__file__))
    for header in sorted(glob.glob(os.path.join(site, "nvidia/*/include/crt/host_defines.h"))):
        include = os.path.dirname(os.path.dirname(header))
        if os.path.exists(os.path.join(include, "cuda_runtime.h")):
            os.environ.setdefault("CUDA_HOME", os.path.dirname(include))


def describe_gpu():
    """Device and Triton's version, as an entry of the index has them."""
    if not torch.cuda.is_available():
        sys.exit("--device=cuda: PyTorch %s finds no GPU here" % torch.__version__)
    try:
        import triton
    except ImportError as error:
        sys.exit("--device=cuda: %s; it comes along with bazel run --config=cuda" % error)
    device = "cuda sm_%d%d" % torch.cuda.get_device_capability()
    return {"device": device, "triton": triton.__version__.split("+")[0]}


def configure(device):
    # AVX2 and FMA on every machine, and no minute of trials for other sets; see gxx_aoti.sh.
    cpu_vec_isa.supported_vec_isa_list[:] = [cpu_vec_isa.VecAVX2()]
    config.cpp.vec_isa_ok = True
    # The number of threads is that of the run, not of the machine that compiled.
    config.cpp.dynamic_threads = True
    # One package from a prefill of thousands of rows down to a decode step of one.
    export_config.backed_size_oblivious = True
    torch.set_num_threads(1)
    # Else arrays of sizes are shared or not as addresses in this process happen to recur.
    CppWrapperCpu.codegen_int_array_var = declare_int_array
    if device == "cuda":
        configure_triton()


def configure_triton():
    # Blocks and warps by rule, not by timing candidates: two builds would differ.
    config.deterministic = True
    config.max_autotune = config.max_autotune_pointwise = config.coordinate_descent_tuning = False
    config.triton.autotune_pointwise = False
    # Kernels are part of the library: nothing is read from its folder later.
    config.aot_inductor.embed_kernel_binary = True
    codecache.convert_cubin_to_obj = assemble_kernel


def assemble_kernel(cubin_file, kernel_name, _ld, _objcopy):
    """An object file with the kernel, as the code that loads it expects.

    TorchInductor's own symbols are exported, in an order that the folder's name decides.
    """
    source = '.section .rodata\n.balign 64\n.globl {0}\n.hidden {0}\n{0}:\n.incbin "{1}"\n'
    source += '.section .note.GNU-stack,"",@progbits\n'
    text = source.format("__%s_start" % kernel_name, cubin_file)
    subprocess.run(["as", "-o", cubin_file + ".o"], input=text, text=True, check=True)
    return cubin_file + ".o"


def compile_region(device, dtype, name, dims_text):
    """The files that AOTInductor makes of one region of one dtype."""
    try:
        return export_region(device, dtype, name, dims_text)
    except Exception:  # PyTorch's own do not pass from process to process
        trace = traceback.format_exc()
        raise RuntimeError("region %s, %s, %s:\n%s" % (name, dtype, dims_text, trace)) from None


def export_region(device, dtype, name, dims_text):
    module, inputs, dynamic_shapes = regions(parse_dims(dims_text), DTYPES[dtype], device)[name]
    with torch.no_grad():
        program = torch.export.export(module.eval(), inputs, dynamic_shapes=dynamic_shapes)
        return torch._inductor.aot_compile(
            program.module(check_guards=False),
            inputs,
            options={
                "aot_inductor.package": True,
                "aot_inductor.metadata": {"region": name, "dtype": dtype, "dims": dims_text},
            },
        )


def rename_files(files, folder):
    """Copies of what AOTInductor made, without the paths that it was made under.

    File names are hashes of source and command line; both are also comments in the sources.
    """
    os.makedirs(folder)
    copies = []
    for file in files:
        kind = re.search(r"\.(wrapper|kernel)(\.\w+|_metadata\.json)$", file)
        copies.append(os.path.join(folder, kind[1] + kind[2]))
        with open(file, "rb") as source, open(copies[-1], "wb") as copy:
            content = source.read()
            if file.endswith(".cpp"):
                content = PATH_COMMENT.sub(b"", content)
            copy.write(content)
    return copies


def normalise_zip(source, output):
    """The same entries in a fixed order, without times."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(output, "w") as new:
        for name in sorted(old.namelist()):
            new.writestr(zipfile.ZipInfo(name, EARLIEST_ZIP_TIME), old.read(name))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def write_package(target, dtype, dims_text, files, output):
    """Puts {region: files} into one package; returns its entry of the index."""
    names = [] if target["device"] == "cpu" else [target["device"].replace(" ", "_")]
    names += [dtype, hashlib.sha256(dims_text.encode()).hexdigest()[:12]]
    file = "_".join(names) + ".pt2"
    path = os.path.join(output, file)
    with tempfile.TemporaryDirectory() as scratch:
        package = os.path.join(scratch, "package.pt2")
        package_aoti(
            package,
            {name: rename_files(files[name], os.path.join(scratch, name)) for name in files},
        )
        normalise_zip(package, path + ".tmp")
    os.replace(path + ".tmp", path)
    return {
        "file": file,
        **target,
        "dtype": dtype,
        "dims": dims_text,
        "torch": torch.__version__.split("+")[0],
        "bytes": os.path.getsize(path),
        "sha256": sha256(path),
    }


def write_index(entries, output):
    path = os.path.join(output, INDEX)
    kept = []
    if os.path.exists(path):
        with open(path) as file:
            kept = json.load(file)["packages"]
    replaced = {entry["file"] for entry in entries}
    packages = [entry for entry in kept if entry["file"] not in replaced] + entries
    with open(path + ".tmp", "w") as file:
        json.dump({"format_version": FORMAT_VERSION, "packages": packages}, file, indent=1)
        file.write("\n")
    os.replace(path + ".tmp", path)


def build(target, dims_text, dtypes, output, workers):
    os.makedirs(output, exist_ok=True)
    device = target["device"].split()[0]
    # Each in a process of its own: what was compiled before in a process shows in the code. Not
    # forked, as PyTorch's threads do not survive that.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        workers, spawn, configure, (device,), max_tasks_per_child=1
    ) as pool:
        jobs = {
            (dtype, name): pool.submit(compile_region, device, dtype, name, dims_text)
            for dtype in dtypes
            for name in regions(parse_dims(dims_text), DTYPES[dtype])
        }
    entries = []
    for dtype in dtypes:
        files = {name: job.result() for (of, name), job in jobs.items() if of == dtype}
        entries.append(write_package(target, dtype, dims_text, files, output))
    write_index(entries, output)
    return entries


def user_path(path):
    """Relative to where the user typed `bazel run`."""
    return os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", ""), path)


def read_dims(args):
    if args.dims_file is not None:
        with open(user_path(args.dims_file)) as file:
            return file.read().strip()
    command = [args.describe_dims, user_path(args.model), str(args.tp_size)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if found.returncode != 0:  # it has said why
        sys.exit(found.returncode)
    return found.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--describe_dims", help="that program, where it does not come along")
    parser.add_argument("--model", help="checkpoint directory, or its config.json")
    parser.add_argument("--dims_file", help="what describe_dims prints of it, instead of --model")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=sorted(DTYPES), help="default: both")
    parser.add_argument("--output", required=True, help="folder for the packages and their index")
    parser.add_argument("--tp_size", type=int, default=1, help="for a rank's part of the model")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    args = parser.parse_args()
    if (args.model is None) == (args.dims_file is None):
        parser.error("either --model or --dims_file is needed")
    if args.model is not None and args.describe_dims is None:
        parser.error("--model needs --describe_dims")
    dims_text = read_dims(args)
    dtypes = [args.dtype] if args.dtype else sorted(DTYPES)
    with fixed_environment():
        target = {"device": "cpu"}
        if args.device == "cuda":
            find_cuda_headers()
            target = describe_gpu()
        entries = build(target, dims_text, dtypes, user_path(args.output), args.workers)
    for entry in entries:
        print("%(file)s: %(device)s, %(dtype)s, %(dims)s, SHA-256 %(sha256)s" % entry)


if __name__ == "__main__":
    main()
