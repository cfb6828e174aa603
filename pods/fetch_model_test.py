#!/usr/bin/python3
"""fetch_model with the hub's own client against a hub on loopback."""

import hashlib
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, "pods/testing")
import hub as fake  # noqa: E402

PROGRAM = os.path.abspath("pods/fetch_model")
NAME = "org/Model-AWQ"
WEIGHTS = "model-00001-of-00002.safetensors"
TRY_AGAIN = 75
MIB = 1 << 20
CLIENT_CHUNK = 10 * MIB  # what the client keeps of a download that is cut comes in such pieces


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


FILES = {
    "config.json": b'{"model_type": "qwen3_moe"}',
    "tokenizer/merges.txt": b"a b\n",
    WEIGHTS: content(24 * MIB),
    "model-00002-of-00002.safetensors": content(3001, 2),
}
NOT_WANTED = {"pytorch_model.bin": b"x", "original/consolidated.00.pth": b"x", ".gitattributes": b"x"}


class FetchModelTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.model = self.folder / "model"
        self.hub = fake.Hub()
        self.addCleanup(self.hub.close)
        self.commit = self.hub.repositories[NAME].commit({**FILES, **NOT_WANTED})

    def start(self, *more, repository=NAME, revision="main", **kwargs):
        command = [PROGRAM, "--repository=" + repository, "--revision=" + revision, "--directory=%s" % self.model]
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "HF_ENDPOINT": self.hub.url, "HF_TOKEN": "hf_secret",
        }  # fmt: skip
        return subprocess.Popen(
            command + list(more), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=self.folder, **kwargs,
        )  # fmt: skip

    def fetch(self, code, *texts, **kwargs):
        """Runs it; the exit code and that these texts are in what it says."""
        process = self.start(*kwargs.pop("flags", []), **kwargs)
        said, _ = process.communicate()
        self.assertEqual(process.returncode, code, said)
        for text in texts:
            self.assertIn(text, said)

    def assert_whole(self, files=None, commit=None):
        files = files or FILES
        lines = ["# %s main %s" % (NAME, commit or self.commit)]
        for name, data in sorted(files.items()):
            self.assertEqual((self.model / name).read_bytes(), data, name)
            lines.append("%s  %s" % (hashlib.sha256(data).hexdigest(), name))
        self.assertEqual((self.model / "SHA256SUMS").read_text(), "\n".join(lines) + "\n")
        left = {str(path.relative_to(self.model)) for path in self.model.rglob("*") if path.is_file()}
        self.assertEqual(left, set(files) | {"SHA256SUMS", ".commit"})

    def assert_unfinished(self):
        self.assertFalse((self.model / "SHA256SUMS").exists())

    def sizes(self):
        return {name: len(data) for name, data in FILES.items()}

    def test_whole_then_nothing_twice(self):
        left = sum(self.sizes().values())
        self.fetch(0, "%s at %s\nbytes left %d" % (NAME, self.commit, left), flags=["--check"])
        self.fetch(0, "%s at %s\nbytes left %d" % (NAME, self.commit, left), flags=["--check", "--directory="])
        self.assertFalse(self.model.exists())
        self.fetch(0, "4 files, every digest as the hub states")
        self.assert_whole()
        self.assertEqual(dict(self.hub.sent), self.sizes())
        self.assertIn("Bearer hf_secret", self.hub.tokens)
        self.fetch(0)
        self.fetch(0, "bytes left 0", flags=["--check"])
        self.assert_whole()
        self.assertEqual(dict(self.hub.sent), self.sizes(), "fetched again")

        # What was damaged since, and that alone, is fetched again.
        (self.model / WEIGHTS).write_bytes(FILES[WEIGHTS][:-1] + b"x")
        self.fetch(0)
        self.assert_whole()
        self.assertEqual(self.hub.sent[WEIGHTS], 2 * len(FILES[WEIGHTS]))
        self.assertEqual(self.hub.sent["config.json"], len(FILES["config.json"]))

    def test_cut_goes_on_where_it_was_with_the_same_commit(self):
        self.hub.cut[WEIGHTS] = [23 * MIB]
        self.fetch(TRY_AGAIN, NAME)
        self.assert_unfinished()
        left = sum(len(data) for name, data in FILES.items() if not (self.model / name).exists())
        self.fetch(0, "bytes left %d\n" % (left - 2 * CLIENT_CHUNK), flags=["--check"])
        # The branch has moved on; a model is of one commit.
        self.hub.repositories[NAME].commit({"config.json": b"other"})
        self.fetch(0, "at " + self.commit)
        self.assert_whole()
        self.assert_went_on()

    def assert_went_on(self):
        self.assertEqual(self.hub.ranges, [(WEIGHTS, 2 * CLIENT_CHUNK)])
        self.assertEqual(dict(self.hub.sent), {**self.sizes(), WEIGHTS: (23 + 24 - 20) * MIB})

    def test_killed_goes_on_where_it_was(self):
        self.hub.stall[WEIGHTS] = 23 * MIB
        process = self.start(start_new_session=True)
        self.assertTrue(self.hub.stalled.wait(120))
        while sum(path.stat().st_size for path in self.model.rglob("*.incomplete")) < 2 * CLIENT_CHUNK:
            self.assertIsNone(process.poll())
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self.assert_unfinished()
        self.hub.stall.clear()
        self.fetch(0)
        self.assert_whole()
        self.assert_went_on()

    def test_wrong_digest(self):
        self.hub.flip[WEIGHTS] = 1
        self.fetch(0, WEIGHTS + ": wrong digest or size, download 1 of 2")
        self.assert_whole()
        for name in FILES:
            if name != WEIGHTS:
                (self.model / name).unlink()
        self.hub.flip["config.json"] = 2
        self.fetch(1, "model/config.json: does not have the digest that the hub states")
        self.assert_unfinished()
        self.assertFalse((self.model / "config.json").exists())

    def test_not_there(self):
        nothing = "f" * 40
        self.fetch(1, "Revision Not Found", revision=nothing)
        self.fetch(1, "Repository Not Found", repository="org/nothing", flags=["--check"])
        self.assert_unfinished()

    def test_of_an_earlier_commit_nothing_is_left(self):
        earlier = {**FILES, "model.safetensors": content(MIB, 3), "old/notes.json": b"{}"}
        self.hub.repositories[NAME].commit(earlier, "earlier")
        commit = self.hub.repositories[NAME].commit({**FILES, WEIGHTS: content(23 * MIB, 4)})
        self.fetch(0, revision="earlier")
        (self.model / "mine.txt").write_text("mine")
        # As a kill among what is removed leaves it: before old/notes.json.
        (self.model / "old/notes.json").rename(self.folder / "notes.json")
        (self.model / "old/notes.json").mkdir()
        self.fetch(1, "Is a directory")
        self.assert_unfinished()
        self.assertFalse((self.model / "model.safetensors").exists())
        (self.model / "old/notes.json").rmdir()
        (self.folder / "notes.json").rename(self.model / "old/notes.json")
        self.fetch(0, "bytes left 0\n", flags=["--check"])  # what goes is more than what comes
        self.fetch(0, "4 files")
        self.assertEqual((self.model / "mine.txt").read_text(), "mine")
        (self.model / "mine.txt").unlink()
        self.assertFalse((self.model / "old").exists())
        self.assert_whole({**FILES, WEIGHTS: content(23 * MIB, 4)}, commit)

    def test_a_download_of_an_earlier_commit_that_was_cut_goes(self):
        self.hub.cut[WEIGHTS] = [23 * MIB]
        self.fetch(TRY_AGAIN, NAME)
        files = {**FILES, WEIGHTS: content(25 * MIB, 4)}
        commit = self.hub.repositories[NAME].commit(files, "later")
        self.fetch(0, "bytes left %d\n" % (5 * MIB), revision="later", flags=["--check"])
        self.hub.cut[WEIGHTS] = [0]
        self.fetch(TRY_AGAIN, NAME, revision="later")
        cut = [path for path in self.model.rglob("*.incomplete") if path.stat().st_size > 0]
        self.assertEqual(cut, [])
        self.fetch(0, "at " + commit, revision="later")

    def test_what_was_not_fetched_here_is_never_removed(self):
        self.model.mkdir()
        for name in ["model.safetensors", "model.safetensors.index.json", "config.json"]:
            with self.subTest(name):
                (self.model / name).write_text("mine")
                refusal = "%s: was not fetched here and is not as in commit %s" % (self.model / name, self.commit)
                self.fetch(1, refusal)
                self.assertEqual((self.model / name).read_text(), "mine")
                (self.model / name).unlink()
        # What was brought and is as published is taken, and stays when a commit comes without it.
        (self.model / "config.json").write_bytes(FILES["config.json"])
        self.fetch(0)
        self.assert_whole()
        files = {name: data for name, data in FILES.items() if name != "config.json"}
        self.hub.repositories[NAME].commit(files, "later")
        self.fetch(0, "3 files", revision="later")
        self.assertEqual((self.model / "config.json").read_bytes(), FILES["config.json"])
        self.assertEqual(self.hub.sent["config.json"], 0)

    def test_names_that_lead_out_of_the_folder_are_refused(self):
        mine = self.folder / "mine.txt"
        mine.write_text("mine")
        for name in [str(mine), "../mine.txt", "a/../../mine.txt", "", "a//b", "./a", "a\nb"]:
            with self.subTest(name):
                self.hub.repositories[NAME].commit({**FILES, name: b"theirs"})
                self.fetch(1, "the hub lists a file %r; expected a name below" % name)
                self.assertEqual(mine.read_text(), "mine")
        self.assertEqual(self.hub.sent, {})

    def test_a_name_is_no_pattern(self):
        files = {**FILES, "[m]*.json": b"odd"}
        commit = self.hub.repositories[NAME].commit(files)
        self.fetch(0)
        self.assert_whole(files, commit)

    def test_a_hub_that_fails_for_now(self):
        self.hub.status = 503
        self.fetch(TRY_AGAIN, "503", flags=["--check"])
        self.hub.good_answers = 1  # down after the list of files
        self.fetch(TRY_AGAIN, NAME)
        self.assert_unfinished()
        self.hub.status = None
        self.fetch(0)
        self.assert_whole()
        self.hub.status = 403
        self.fetch(1, "403", flags=["--check"])

    def test_disk_full(self):
        limit = 15 * MIB
        limits = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
        self.fetch(1, "File too large", preexec_fn=limits)
        self.assert_unfinished()
        self.fetch(0)
        self.assert_whole()
        self.assertLess(self.hub.sent[WEIGHTS], 2 * len(FILES[WEIGHTS]), "from the beginning")

    def test_usage(self):
        self.fetch(2, "unrecognized arguments: --repo=x", flags=["--repo=x"])
        self.fetch(2, "--directory is missing", flags=["--directory="])


if __name__ == "__main__":
    unittest.main()
