#!/usr/bin/python3
"""A plan with models: fetched from a hub on loopback by the real client, run by made-up experiments."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, "pods/testing")
import hub as fake  # noqa: E402

RUNFILES = pathlib.Path.cwd()
TOOLS = {
    "fetch_model": "pods/fetch_model",
    "fuse": "collector/fuse",
    "compare": "analyzer/compare",
    **{"exp%d" % n: "pods/testing/fake_experiment" for n in range(9)},
}
PLAN = """
name: "models"
machine { device: "cpu" hardware: "A100-80GB" }
limits { backoff_seconds: 0.01 }
experiments { id: 0 }
experiments { id: 3 }
"""


class ModelStepsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "tools").mkdir()
        for name, target in TOOLS.items():
            # Not links: what a program brings along is found beside it; a made-up one goes by its name.
            launcher = self.folder / "tools" / name
            launcher.write_text('#!/bin/bash\nexec %s "%s" "$@"\n' % (
                "-a " + name if name.startswith("exp") else "", RUNFILES / target))
            launcher.chmod(0o755)
        self.hub = fake.Hub()
        self.addCleanup(self.hub.close)
        self.sizes = {}
        plan = PLAN
        for method in ("awq", "gptq", "bnb"):
            weights = method + ".safetensors"
            files = {"config.json": b"{}", weights: method.encode() * 1000}
            commit = self.hub.repositories["org/" + method].commit(files)
            self.sizes[weights] = len(files[weights])
            plan += 'models { quant_method: "%s" repository: "org/%s" revision: "%s" }\n' % (method, method, commit)
        self.plan = self.folder / "plan.textproto"
        self.plan.write_text(plan)

    def forensics(self, code, command, *texts, flags=()):
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "HF_ENDPOINT": self.hub.url,
            "FAKE_FAULTS": str(self.folder),
        }  # fmt: skip
        run = subprocess.run(
            [RUNFILES / "pods/forensics_alone", command, "plan.textproto", "--folder=pod", "--tools=tools", *flags],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
        )  # fmt: skip
        self.assertEqual(run.returncode, code, run.stdout)
        for text in texts:
            self.assertIn(text, run.stdout)
        return run.stdout

    def weights_sent(self):
        return {name: size for name, size in self.hub.sent.items() if name in self.sizes}

    def models(self):
        return sorted(os.listdir(self.folder / "pod/models"))

    def test_models_come_and_go_and_none_twice(self):
        self.hub.cut["gptq.safetensors"] = [1000]
        said = self.forensics(0, "run", "fetch-gptq: retry 1 of 3", "11 of 11 done")
        # One quantised model at a time beside the reference's.
        self.assertLess(said.index("done     delete-gptq"), said.index("running  fetch-bnb"))
        self.assertEqual(self.models(), ["org--awq"])
        # The client keeps nothing of a download so short that was cut.
        sent = {**self.sizes, "gptq.safetensors": self.sizes["gptq.safetensors"] + 1000}
        self.assertEqual(self.weights_sent(), sent)
        self.forensics(0, "run", "11 of 11 done")
        self.forensics(0, "status", "done     delete-bnb")
        self.assertEqual(self.weights_sent(), sent)
        mine = self.folder / "pod/models/mine"
        mine.mkdir()
        self.forensics(0, "clean", "deleted pod/models/org--awq")
        self.assertEqual(self.models(), ["mine"])
        # Everything that needs a model is done, so that none is fetched for it.
        self.forensics(0, "run")
        self.assertEqual(self.weights_sent(), sent)

    def test_another_commit_is_another_plan(self):
        self.forensics(0, "run", "11 of 11 done")
        commit = self.hub.repositories["org/gptq"].commit({"config.json": b"{}", "gptq.safetensors": b"new"})
        plan = self.plan.read_text()
        (before,) = re.findall(r'"org/gptq" revision: "(\w+)"', plan)
        self.plan.write_text(plan.replace(before, commit))
        said = self.forensics(1, "run", "exp3-gptq: model_gptq is org/gptq %s, expected org/gptq %s" % (before, commit))
        self.assertNotIn("running", said)

    def test_another_commit_takes_the_place_of_one_whose_experiment_failed(self):
        (self.folder / "exp3").write_text("fail\n")
        self.forensics(1, "run", "failed   exp3-gptq", "done     exp3-bnb")
        files = {"config.json": b"{}", "a.safetensors": bytes(2500), "b.safetensors": bytes(2500)}
        commit = self.hub.repositories["org/gptq"].commit(files)
        plan = re.sub(r'("org/gptq" revision: )"\w+"', r'\1"%s"' % commit, self.plan.read_text())
        # Not enough for both commits beside the reference's model.
        self.plan.write_text(plan + "disk { budget_gigabytes: 10e-6 }\n")
        (self.folder / "exp3").write_text("fail\n")
        self.forensics(1, "run", "done     fetch-gptq", "failed   exp3-gptq")
        self.assertEqual(set(os.listdir(self.folder / "pod/models/org--gptq")), {*files, ".commit", "SHA256SUMS"})
        self.forensics(0, "run", "done     exp3-gptq")

    def test_models_that_were_fetched_may_lie_elsewhere_when_the_plan_goes_on(self):
        self.forensics(0, "run", "11 of 11 done")
        mine = self.folder / "mine"
        for method in ("awq", "gptq", "bnb"):
            (mine / method).mkdir(parents=True)
            (mine / method / "config.json").write_text("{}")
            (mine / method / (method + ".safetensors")).write_bytes(method.encode() * 1000)
        said = self.forensics(0, "run", "6 of 6 done", flags=["--model_dir=mine"])
        self.assertNotIn("running", said)
        (mine / "gptq" / "gptq.safetensors").write_bytes(b"other")
        self.forensics(1, "run", "exp3-gptq: model_gptq is org/gptq ", flags=["--model_dir=mine"])

    def test_a_model_whose_experiment_failed_makes_room(self):
        # Enough for two of the three, and what the client notes of them.
        self.plan.write_text(self.plan.read_text() + "disk { budget_gigabytes: 9e-6 }\n")
        (self.folder / "exp3").write_text("fail\n")
        said = self.forensics(1, "run", "failed   exp3-gptq", "deleted  the model of exp3-gptq, which failed, "
                              "to make room for fetch-bnb: models of", "done     exp3-bnb")
        self.assertLess(said.index("deleted  the model"), said.index("done     fetch-bnb"))
        self.assertEqual(self.models(), ["org--awq"])
        # What lies there counts, whoever brought it.
        (self.folder / "pod/models/mine").write_bytes(bytes(5000))
        self.forensics(1, "run", "wrong  disk       models of")
        (self.folder / "pod/models/mine").unlink()
        self.forensics(0, "run", "done     exp3-gptq")

    def test_a_download_that_was_cut_counts_once_in_the_budget(self):
        mebibyte = 1 << 20
        commit = self.hub.repositories["org/awq"].commit({"config.json": b"{}", "awq.safetensors": bytes(24 * mebibyte)})
        plan = re.sub(r'("org/awq" revision: )"\w+"', r'\1"%s"' % commit, self.plan.read_text())
        self.plan.write_text(plan + "disk { budget_gigabytes: 0.030 }\n")
        self.hub.cut["awq.safetensors"] = [23 * mebibyte] * 4  # with each retry
        self.forensics(1, "run", "failed   fetch-awq")
        self.forensics(0, "run", "done     fetch-awq")

    def test_a_hub_client_that_says_nothing_is_believed(self):
        (self.folder / "tools/fetch_model").write_text("#!/bin/sh\n")
        self.forensics(0, "check", "ok     hub gptq", "the model is not here yet")

    def test_a_model_that_the_budget_is_too_small_for_does_not_stop_the_others(self):
        # Enough for the weights of two, but not for what lies beside them.
        self.plan.write_text(self.plan.read_text() + "disk { budget_gigabytes: 7.1e-6 }\n")
        said = self.forensics(1, "run", "failed   fetch-gptq: models of", "done     exp3-bnb")
        self.assertNotIn("DISK FULL", said)

    def test_a_model_whose_experiment_failed_stays_where_there_is_room(self):
        (self.folder / "exp3").write_text("fail\n")
        self.forensics(1, "run", "failed   exp3-gptq", "done     exp3-bnb")
        self.assertEqual(self.models(), ["org--awq", "org--gptq"])
        self.forensics(0, "run", "done     exp3-gptq")
        self.assertEqual(self.weights_sent(), self.sizes)

    def test_a_wrong_digest_is_not_run(self):
        self.hub.flip["gptq.safetensors"] = 2
        said = self.forensics(1, "run", "failed   fetch-gptq", "does not have the digest that the hub states")
        self.assertNotIn("fetch-gptq: retry", said)
        self.assertIn("exp3-gptq: not run: it needs exp0, fetch-gptq", said)
        self.assertIn("done     exp3-bnb", said)
        self.forensics(0, "run", "done     exp3-gptq")

    def test_what_the_hub_does_not_have_is_known_before_anything_is_fetched(self):
        self.plan.write_text(self.plan.read_text().replace("org/bnb", "org/nothing"))
        del self.hub.repositories["org/gptq"]
        said = self.forensics(1, "run", "wrong  hub gptq", "wrong  hub bnb")
        self.assertIn("org/nothing", said)
        self.assertEqual(self.weights_sent(), {})


if __name__ == "__main__":
    unittest.main()
