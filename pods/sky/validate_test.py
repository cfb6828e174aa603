"""SkyPilot itself reads the task files of //pods, without a network, and sh their scripts."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

os.environ["HOME"] = tempfile.mkdtemp()  # SkyPilot's own state

import sky  # noqa: E402
import yaml  # noqa: E402

PODS = pathlib.Path("pods")
GPUS = {"single_gpu.yaml": 1, "four_gpu.yaml": 4, "multi_node.yaml": 2}
INFRAS = {
    "single_gpu.yaml": {"RunPod", "Lambda", "Kubernetes"},
    "four_gpu.yaml": {"RunPod", "Lambda", "Kubernetes"},
    "multi_node.yaml": {"Lambda", "Kubernetes"},
}


class TaskFiles(unittest.TestCase):
    def test_are_all_of_them(self):
        self.assertEqual({path.name for path in PODS.glob("*.yaml")}, set(GPUS))

    def test_are_tasks_of_the_gpus_and_providers_meant(self):
        for name, gpus in GPUS.items():
            with self.subTest(name):
                task = sky.Task.from_yaml(str(PODS / name))
                self.assertEqual({str(resources.cloud) for resources in task.resources}, INFRAS[name])
                for resources in task.resources:
                    ((model, count),) = resources.accelerators.items()
                    self.assertEqual(count, gpus)
                    self.assertRegex(model, r"^(H100|A100-80GB)(-SXM)?$")
                self.assertEqual(task.num_nodes, 2 if name == "multi_node.yaml" else 1)
                self.assertEqual(task.workdir, "bundles")

    def test_unknown_fields_are_refused(self):
        text = (PODS / "single_gpu.yaml").read_text().replace("disk_size", "disc_size")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(text)
            f.flush()
            with self.assertRaisesRegex(Exception, "disc_size"):
                sky.Task.from_yaml(f.name)

    def test_scripts_are_shell(self):
        for name in GPUS:
            task = yaml.safe_load((PODS / name).read_text())
            for part in ("setup", "run"):
                with self.subTest(name + " " + part):
                    subprocess.run(["sh", "-n"], input=task[part], text=True, check=True)

    def test_scripts_use_what_the_bundle_has(self):
        (manifest,) = PODS.glob("bundle/*.MANIFEST")
        with open(manifest) as f:
            in_bundle = {line.split(" ")[-1].strip() for line in f if line.startswith("file ")}
        for name in GPUS:
            task = yaml.safe_load((PODS / name).read_text())
            used = set(re.findall(r"\bbin/\w+", task["run"]))
            self.assertTrue(used)
            self.assertLessEqual(used, in_bundle, name)
            plan = task["envs"].get("FORENSICS_PLAN")
            if plan is not None:
                self.assertIn("plans/" + plan, in_bundle)
                self.assertIn("../$FORENSICS_PLAN", task["run"])


class Setups(unittest.TestCase):
    """What the task files' `setup` makes of archives."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def pack(self, bundle, script):
        setup = self.folder / "setup"
        setup.write_text("#!/bin/sh\n" + script)
        setup.chmod(0o755)
        with tarfile.open(self.folder / (bundle + ".tar.xz"), "w:xz") as archive:
            archive.add(setup, bundle + "/setup")

    def set_up(self, name):
        """(exit code, what was said) of the script, for the bundle that it names."""
        task = yaml.safe_load((PODS / name).read_text())
        run = subprocess.run(
            ["sh"], input=task["setup"], text=True, cwd=self.folder, stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "BUNDLE": "forensics-cuda-13.0"}, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return run.returncode, run.stdout

    def test_a_newer_archive_of_the_same_name_is_unpacked_and_torch_kept(self):
        for name in GPUS:
            with self.subTest(name):
                self.pack("forensics-cuda-13.0", "echo one")
                self.assertEqual(self.set_up(name), (0, "one\n"))
                bundle = self.folder / "forensics-cuda-13.0"
                (bundle / "torch-2.11.0/torch").mkdir(parents=True)
                (bundle / "of_the_first").touch()
                self.assertEqual(self.set_up(name), (0, "one\n"))
                self.assertTrue((bundle / "of_the_first").exists(), "unpacked again")
                self.pack("forensics-cuda-13.0", "echo two")
                self.assertEqual(self.set_up(name), (0, "two\n"))
                self.assertTrue((bundle / "torch-2.11.0/torch").is_dir())
                self.assertFalse((bundle / "of_the_first").exists())
                (self.folder / "forensics-cuda-13.0.tar.xz").unlink()
                self.assertEqual(self.set_up(name), (0, "two\n"))
                shutil.rmtree(bundle)

    def test_another_bundle_that_cannot_be_set_up_is_named_and_ends_nothing(self):
        self.pack("forensics-cuda-11.8", "exit 1")
        self.pack("forensics-cuda-12.8", "echo 12.8")
        self.pack("forensics-cuda-13.0", "echo 13.0")
        code, said = self.set_up("single_gpu.yaml")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, "^13.0\nforensics-cuda-11.8 cannot be set up.*\n12.8\n$")
        self.pack("forensics-cuda-13.0", "exit 1")
        self.assertNotEqual(self.set_up("single_gpu.yaml")[0], 0)


class Scripts(unittest.TestCase):
    """What the task files' `run` makes of how the programs end."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "bundle/bin").mkdir(parents=True)
        # Runs what it is given as the only rank of this node.
        self.program("start_ranks", 'exec "$@"')

    def program(self, name, script):
        path = self.folder / "bundle/bin" / name
        path.write_text('#!/bin/sh\necho "$0 $@" >>"%s/started"\n%s\n' % (self.folder, script))
        path.chmod(0o755)

    def started(self):
        path = self.folder / "started"
        return path.read_text().splitlines() if path.exists() else []

    def run_part(self, name, **env):
        task = yaml.safe_load((PODS / name).read_text())
        env = {
            **{name: str(value) for name, value in task["envs"].items()}, "PATH": os.environ["PATH"],
            "HOME": str(self.folder), "SKYPILOT_TASK_ID": "sky-1_c_1", "BUNDLE": "bundle", **env,
        }  # fmt: skip
        return subprocess.run(
            ["sh"], input=task["run"], env=env, text=True, cwd=self.folder, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def test_what_a_machine_cannot_do_is_explained_and_no_failure(self):
        for name in ("single_gpu.yaml", "four_gpu.yaml"):
            for code, expected, said in [(0, 0, ""), (4, 0, "missing"), (1, 1, "forensics.log"), (3, 3, "exit code 3")]:
                with self.subTest("%s %d" % (name, code)):
                    self.program("forensics", "exit %d" % code)
                    run = self.run_part(name)
                    self.assertEqual(run.returncode, expected, run.stdout)
                    self.assertIn(said, run.stdout)
            self.assertIn("--folder=%s/pod" % self.folder, self.started()[-1])

    def nodes(self, rank, **env):
        shared = str(self.folder / "shared")
        return self.run_part("multi_node.yaml", FOLDER=shared, SKYPILOT_NODE_RANK=str(rank), **env)

    def test_no_node_waits_for_a_reference_that_failed(self):
        self.program("exp0", "exit 1")
        for rank in (0, 1):
            run = self.nodes(rank)
            self.assertEqual(run.returncode, 1, run.stdout)
            self.assertIn("node %d: exp0 ended with exit code 1 on node 0" % rank, run.stdout)
        self.assertEqual(len(self.started()), 1)

    def test_no_node_waits_for_ever(self):
        run = self.nodes(1, PATIENCE="0")
        self.assertEqual(run.returncode, 1, run.stdout)
        self.assertIn("node 0 has not run exp0 to its end", run.stdout)

    def test_both_experiments_are_run_and_the_worse_end_is_reported(self):
        self.program("exp0", "exit 0")
        for seven, eight, worse in [
            (0, 0, 0), (1, 0, 1), (0, 1, 1), (3, 1, 3), (1, 3, 3), (4, 0, 4), (0, 4, 4), (4, 1, 1), (1, 4, 1), (130, 0, 130),
        ]:  # fmt: skip
            with self.subTest("%d %d" % (seven, eight)):
                self.program("exp7", "exit %d" % seven)
                self.program("exp8", "exit %d" % eight)
                run = self.nodes(0)
                self.assertEqual(run.returncode, worse, run.stdout)
                self.assertIn("exp7 ended with exit code %d, exp8 with %d" % (seven, eight), run.stdout)

    def test_the_bundle_can_be_chosen(self):
        for name in GPUS:
            task = yaml.safe_load((PODS / name).read_text())
            self.assertEqual(task["envs"]["BUNDLE"], "forensics-cuda-13.0")
            self.assertNotIn("13.0", task["setup"] + task["run"])


if __name__ == "__main__":
    sys.exit(unittest.main())
