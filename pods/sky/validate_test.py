"""SkyPilot itself reads the task files of //pods, without a network, and sh their scripts."""

import os
import pathlib
import re
import subprocess
import sys
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


if __name__ == "__main__":
    sys.exit(unittest.main())
