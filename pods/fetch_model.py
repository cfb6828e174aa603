"""Fetches a model from the Hugging Face hub, with the hub's own client, and checks every byte.

  fetch_model --repository=QuixiAI/Qwen3-30B-A3B-AWQ --revision=main --directory=models/awq
  fetch_model --repository=... --revision=main --check     # can it be had? which commit is it?
  fetch_model --repository=... --revision=... --directory=... --check      # and how much of it is left?

The directory gets the repository's files and, last, SHA256SUMS: a line "# REPOSITORY REVISION
COMMIT", then one line a file as sha256sum writes them. A branch is resolved once: as long as the
directory holds files of a commit, that commit is gone on with. What is there already and has the
hub's digest is not fetched again; a download that was cut goes on where it was. HF_ENDPOINT,
HF_TOKEN and proxies are honoured.

Exit codes: 0 done; 1 failed; 2 wrong usage; 75 the network failed, trying again may help.
"""

import argparse
import errno
import glob
import hashlib
import os
import shutil
import sys

EXIT_TRY_AGAIN = 75
DIGESTS = "SHA256SUMS"
COMMIT = ".commit"
CHUNK = 1 << 22

# The downloads of one file at once by many connections, and their bars, are of no use in a log.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import huggingface_hub  # noqa: E402
import requests  # noqa: E402
from huggingface_hub import errors  # noqa: E402

# What only other frameworks read.
IGNORED = ["*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "*.gguf", "original/*", ".*"]


class WrongDigest(Exception):
    pass


class WrongName(Exception):
    pass


class NotFetched(Exception):
    """The client came back without an error and without the file, as it does where the hub is down."""


def say(text):
    print(text, flush=True)


def digest(path, algorithm, start=b""):
    state = hashlib.new(algorithm, start)
    with open(path, "rb") as f:
        while chunk := f.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def is_name_below(name):
    """Whether a file of this name lies below the model's folder, and the name on one line."""
    return name.isprintable() and not {"", ".", ".."} & set(name.split("/"))


def wanted_files(info):
    names = [file.rfilename for file in info.siblings]
    for name in names:
        if not is_name_below(name):
            raise WrongName("the hub lists a file %r; expected a name below the model's folder" % name)
    kept = set(huggingface_hub.utils.filter_repo_objects(names, ignore_patterns=IGNORED))
    return [file for file in info.siblings if file.rfilename in kept]


def is_as_published(path, file):
    """Whether the file has the size and digest that the hub states."""
    if not os.path.isfile(path) or os.path.getsize(path) != file.size:
        return False
    if file.lfs is not None:
        return digest(path, "sha256") == file.lfs.sha256
    return digest(path, "sha1", b"blob %d\0" % file.size) == file.blob_id


def commit_of(arguments):
    """The commit that an earlier start began with; None: of the revision as it is now."""
    path = os.path.join(arguments.directory, COMMIT)
    heading = "%s %s " % (arguments.repository, arguments.revision)
    try:
        with open(path) as f:
            text = f.read()
    except FileNotFoundError:
        return None
    return text[len(heading):].strip() if text.startswith(heading) else None


def write_whole(path, text):
    with open(path + ".tmp", "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".tmp", path)


def forget(directory, name):
    """Removes a file and what the client remembers of it."""
    for path in [
        os.path.join(directory, name),
        os.path.join(directory, ".cache", "huggingface", "download", name + ".metadata"),
    ]:
        if os.path.exists(path):
            os.remove(path)


def download(arguments, info, names):
    huggingface_hub.snapshot_download(
        arguments.repository,
        revision=info.sha,
        local_dir=arguments.directory,
        allow_patterns=[glob.escape(name) for name in names],
        max_workers=4,
    )


def fetch(arguments, api):
    os.makedirs(arguments.directory, exist_ok=True)
    sums = os.path.join(arguments.directory, DIGESTS)
    if os.path.exists(sums):
        os.remove(sums)
    revision = commit_of(arguments) or arguments.revision
    info = api.model_info(arguments.repository, revision=revision, files_metadata=True)
    files = {file.rfilename: file for file in wanted_files(info)}
    write_whole(
        os.path.join(arguments.directory, COMMIT),
        "%s %s %s\n" % (arguments.repository, arguments.revision, info.sha),
    )
    say("%s at %s: %d files, %.2f GB" % (
        arguments.repository, info.sha, len(files), sum(f.size for f in files.values()) / 1e9))
    # Bits flipped on their way are fetched once more; then the hub itself is wrong.
    for attempt in (1, 2):
        left = [n for n, f in files.items() if not is_as_published(os.path.join(arguments.directory, n), f)]
        if not left:
            break
        for name in left:
            forget(arguments.directory, name)
        download(arguments, info, left)
        missing = [n for n in left if not os.path.isfile(os.path.join(arguments.directory, n))]
        if missing:
            raise NotFetched("the hub did not send %s" % ", ".join(missing))
        wrong = [n for n in left if not is_as_published(os.path.join(arguments.directory, n), files[n])]
        for name in wrong:
            say("%s: wrong digest or size, download %d of 2" % (os.path.join(arguments.directory, name), attempt))
            forget(arguments.directory, name)
        if wrong and attempt == 2:
            raise WrongDigest("%s: does not have the digest that the hub states" % ", ".join(
                os.path.join(arguments.directory, name) for name in wrong))
    lines = ["# %s %s %s" % (arguments.repository, arguments.revision, info.sha)]
    for name in sorted(files):
        lines.append("%s  %s" % (digest(os.path.join(arguments.directory, name), "sha256"), name))
    shutil.rmtree(os.path.join(arguments.directory, ".cache"), ignore_errors=True)
    write_whole(sums, "\n".join(lines) + "\n")
    say("%s: %d files, every digest as the hub states" % (arguments.directory, len(files)))


def bytes_left(directory, file):
    """Of a file that is not there: less what a download that was cut left, which goes on from there."""
    if not directory:
        return file.size
    path = os.path.join(directory, file.rfilename)
    if os.path.isfile(path):
        return 0
    etag = file.lfs.sha256 if file.lfs is not None else file.blob_id
    folder = os.path.join(directory, ".cache", "huggingface", "download", os.path.dirname(file.rfilename))
    parts = glob.glob(os.path.join(glob.escape(folder), "*.%s.incomplete" % etag))
    return max(0, file.size - sum(os.path.getsize(part) for part in parts))


def check(arguments, api):
    revision = commit_of(arguments) if arguments.directory else None
    info = api.model_info(arguments.repository, revision=revision or arguments.revision, files_metadata=True)
    say("%s at %s" % (arguments.repository, info.sha))
    say("bytes left %d" % sum(bytes_left(arguments.directory, file) for file in wanted_files(info)))


def exit_code_of(error):
    if isinstance(error, (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, WrongDigest)):
        return 1
    if isinstance(error, NotFetched):
        return EXIT_TRY_AGAIN
    if isinstance(error, errors.HfHubHTTPError):
        response = error.response
        passing = response is None or response.status_code >= 500 or response.status_code == 429
        return EXIT_TRY_AGAIN if passing else 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return 1
    network = (requests.RequestException, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError)
    # The client's own word for a file that came shorter than announced.
    cut = isinstance(error, OSError) and "onsistency check failed" in str(error)
    return EXIT_TRY_AGAIN if isinstance(error, network) or cut else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--repository", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--directory", default="")
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    arguments = parser.parse_args()
    if not arguments.directory and not arguments.check:
        parser.error("--directory is missing")
    api = huggingface_hub.HfApi()
    try:
        (check if arguments.check else fetch)(arguments, api)
    except Exception as error:  # each kind has its exit code
        cause = os.strerror(error.errno) + ": " if getattr(error, "errno", None) else ""
        print("fetch_model: %s: %s%s" % (arguments.repository, cause, error), file=sys.stderr)
        return exit_code_of(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
