"""Times //analyzer:compare against the plan's Python script, on the same files by turns.

bazel run //analyzer/testing:benchmark_vs_plan -- [--experiments=9] [--values=3] [--hardware=2]
    [--rounds=3] [--folder=DIR] [--stored=1] [--norepeat] [--plan_rounds=1]

Writes experiments of real size (a run is about 13 MB of JSON) into a folder, removed at the end,
and prints time, MB of JSON a second and a core, peak memory and ratios. 100 configurations in one
file: --experiments=1 --values=50. Beside them stand this machine's limits: reading the files
(`cat`), and parsing their numbers and nothing else on one core (//analyzer/reading:reader_benchmark
on a file of its own).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

RUN_BYTES = 13.5e6  # of JSON

# The plan's eight and the reference.
TYPES = ("batch_size", "compile", "quantization", "attention", "concurrent_streams",
         "cuda_version", "tensor_parallel", "expert_parallel", "reference")


class Measured:
    """The best of several runs of one command."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.seconds, self.cpu, self.peak = float("inf"), float("inf"), 0

    def run(self):
        start = time.monotonic()
        with open(os.devnull, "w") as nowhere:
            child = subprocess.Popen(self.command, stdout=nowhere, stderr=nowhere)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{' '.join(self.command)} failed ({child.returncode})")
        self.seconds = min(self.seconds, time.monotonic() - start)
        self.cpu = min(self.cpu, usage.ru_utime + usage.ru_stime)
        self.peak = max(self.peak, usage.ru_maxrss * 1024)

    def line(self, size):
        return (f"{self.name:<34} {self.seconds:8.2f} s {size / self.seconds / 1e6:8.0f} MB/s "
                f"{self.cpu:8.2f} s {size / self.cpu / 1e6:8.0f} MB/s "
                f"{self.peak / 2**20:8.0f} MiB")


def has_numpy(python):
    probe = [python, "-c", "import numpy, scipy"]
    return subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0


def write_files(writer, folder, options):
    size = 0
    for name in TYPES[:options.experiments]:
        path = os.path.join(folder, name + "_experiment.json")
        command = [writer, path, f"--type={name}", f"--configurations={options.values}",
                   f"--hardware={options.hardware}", f"--stored={options.stored}"]
        if options.norepeat:
            command.append("--repeat_windows=false")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        size += os.path.getsize(path)
    return size


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=9, choices=range(1, 10))
    parser.add_argument("--values", type=int, default=3, help="of the variable, on each hardware")
    parser.add_argument("--hardware", type=int, default=2, choices=(2, 3, 4),
                        help="the plan's script knows the first two")
    parser.add_argument("--stored", type=int, default=1, choices=(1, 2, 3),
                        help="repetitions with signals")
    parser.add_argument("--norepeat", action="store_true",
                        help="no position has the bits of another step's")
    parser.add_argument("--rounds", type=int, default=3, help="of compare; the best counts")
    parser.add_argument("--plan_rounds", type=int, default=1, help="of the plan's script")
    parser.add_argument("--folder", default=os.environ.get("TMPDIR", "/tmp"))
    return parser.parse_args(arguments)


def main(compare, writer, reader_benchmark, python, *arguments):
    options = parse(arguments)
    # Under `bazel run` the command was typed elsewhere.
    options.folder = os.path.join(os.environ.get("BUILD_WORKING_DIRECTORY", ""), options.folder)
    wanted = options.experiments * options.values * options.hardware * options.stored * RUN_BYTES
    free = shutil.disk_usage(options.folder).free
    if wanted * 1.1 > free:
        sys.exit(f"{options.folder}: {free / 1e9:.1f} GB are free, the files need "
                 f"{wanted / 1e9:.1f} GB")
    if not has_numpy(python):
        python = sys.executable
        if not has_numpy(python):
            sys.exit("neither the pinned numpy and scipy nor this machine's can be imported")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        experiments = os.path.join(folder, "experiments")
        os.mkdir(experiments)
        size = write_files(writer, experiments, options)
        files = [os.path.join(experiments, name) for name in sorted(os.listdir(experiments))]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan_script.py")
        cat = Measured("limit: cat", ["cat"] + files)
        ours = Measured("//analyzer:compare",
                        [compare, experiments, "--output=" + os.path.join(folder, "report")])
        plans = Measured("the plan's script", [python, script, experiments])
        for turn in range(max(options.rounds, options.plan_rounds)):
            cat.run()
            if turn < options.rounds:
                ours.run()
            if turn < options.plan_rounds:
                plans.run()
        numbers = subprocess.run([reader_benchmark, "--benchmark_filter=BM_Numbers$"],
                                 env=dict(os.environ, TMPDIR=folder), check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
    cores = len(os.sched_getaffinity(0))
    print(f"{len(files)} files, {size / 1e9:.2f} GB, {cores} cores\n")
    print(f"{'':<34} {'wall':>10} {'':>13} {'CPU':>10} {'a core':>13} {'peak':>12}")
    for measured in (cat, ours, plans):
        print(measured.line(size))
    for line in numbers.splitlines():
        if line.startswith("BM_Numbers"):
            print("limit: numbers alone, one core      ", line.split("bytes_per_second=")[-1])
    print(f"\ncompare is {plans.seconds / ours.seconds:.1f} times as fast on {cores} cores "
          f"({plans.cpu / ours.cpu:.1f} times by CPU time), with "
          f"{plans.peak / ours.peak:.1f} times less memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
