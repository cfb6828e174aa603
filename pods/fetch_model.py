"""Fetches a model from the Hugging Face hub, with the hub's own client, and checks every byte.

  fetch_model --repository=QuixiAI/Qwen3-30B-A3B-AWQ --revision=main --directory=models/awq
  fetch_model --repository=... --revision=main --check     # can it be had? which commit is it?
  fetch_model --repository=... --revision=... --directory=... --check      # and how much of it is left?

The directory gets the repository's files and, last, SHA256SUMS: a line "# REPOSITORY REVISION
COMMIT", then one line a file as sha256sum writes them. A branch is resolved once: as long as the
directory holds files of a commit, that commit is gone on with. What is there already and has the
hub's digest is not fetched again; a download that was cut goes on where it was. What was fetched of
another commit is removed. What was not fetched never is: weights that are not the commit's, and files
of its names and not its digests, are refused. HF_ENDPOINT, HF_TOKEN and proxies are honoured.

Exit codes: 0 done; 1 failed; 2 wrong usage; 75 the network failed, trying again may help.
"""

import argparse
import contextlib
import errno
import glob
import hashlib
import os
import shutil
import sys

EXIT_TRY_AGAIN = 75
DIGESTS = "SHA256SUMS"
# "REPOSITORY REVISION COMMIT", then the names of all that was fetched, or was about to be.
COMMIT = ".commit"
CACHE = ".cache/huggingface"  # the client's
WEIGHTS = ["*.safetensors", "*.safetensors.index.json"]
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


class Brought(Exception):
    """Something lies in the model's place that this program did not put there."""


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


def read_record(directory):
    """Of COMMIT: (its first line, the names); ("", nothing) where nothing was fetched."""
    try:
        with open(os.path.join(directory, COMMIT), encoding="utf-8", newline="\n") as f:
            heading, *names = f.read().split("\n")
    except FileNotFoundError:
        return "", set()
    return heading, set(names) - {""}


def commit_of(heading, arguments):
    """The commit that an earlier start began with; None: of the revision as it is now."""
    asked_for = "%s %s " % (arguments.repository, arguments.revision)
    return heading[len(asked_for):] if heading.startswith(asked_for) else None


def write_whole(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".tmp", path)


def forget_downloads(directory):
    """Those that were cut, and what the client notes of the others."""
    cache = os.path.join(directory, CACHE)
    shutil.rmtree(cache, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.removedirs(os.path.dirname(cache))


def forget(directory, name):
    """Removes a file, what the client remembers of it, and folders that are empty without them."""
    for path in [
        os.path.join(directory, name),
        os.path.join(directory, CACHE, "download", name + ".metadata"),
    ]:
        if os.path.lexists(path):
            os.remove(path)
            with contextlib.suppress(OSError):
                os.removedirs(os.path.dirname(path))


def refuse(directory, names, commit):
    if names:
        paths = ", ".join(os.path.join(directory, name) for name in sorted(names))
        raise Brought("%s: was not fetched here and is not as in commit %s; move it away" % (paths, commit))


def refuse_other_weights(directory, files, fetched, commit):
    """Whoever loads the model would take them for its own."""
    here = {os.path.basename(path) for w in WEIGHTS for path in glob.glob(os.path.join(glob.escape(directory), w))}
    refuse(directory, here - fetched - files.keys(), commit)


def download(arguments, info, names):
    huggingface_hub.snapshot_download(
        arguments.repository,
        revision=info.sha,
        local_dir=arguments.directory,
        allow_patterns=[glob.escape(name) for name in names],
        max_workers=4,
    )


def download_checked(arguments, info, files, names):
    """Bits flipped on their way are fetched once more; then the hub itself is wrong."""
    path_of = {name: os.path.join(arguments.directory, name) for name in names}
    for attempt in (1, 2):
        if not names:
            return
        for name in names:
            forget(arguments.directory, name)
        download(arguments, info, names)
        missing = [name for name in names if not os.path.isfile(path_of[name])]
        if missing:
            raise NotFetched("the hub did not send %s" % ", ".join(missing))
        names = [name for name in names if not is_as_published(path_of[name], files[name])]
        for name in names:
            say("%s: wrong digest or size, download %d of 2" % (path_of[name], attempt))
            forget(arguments.directory, name)
    if names:
        raise WrongDigest("%s: does not have the digest that the hub states" % ", ".join(
            path_of[name] for name in names))


def fetch(arguments, api):
    directory = arguments.directory
    os.makedirs(directory, exist_ok=True)
    sums = os.path.join(directory, DIGESTS)
    if os.path.exists(sums):
        os.remove(sums)
    earlier, fetched = read_record(directory)
    revision = commit_of(earlier, arguments) or arguments.revision
    info = api.model_info(arguments.repository, revision=revision, files_metadata=True)
    files = {file.rfilename: file for file in wanted_files(info)}
    say("%s at %s: %d files, %.2f GB" % (
        arguments.repository, info.sha, len(files), sum(f.size for f in files.values()) / 1e9))
    heading = "%s %s %s" % (arguments.repository, arguments.revision, info.sha)

    def note(names):
        write_whole(os.path.join(directory, COMMIT), "\n".join([heading, *sorted(names)]) + "\n")

    refuse_other_weights(directory, files, fetched, info.sha)
    if earlier and not earlier.endswith(" " + info.sha):
        forget_downloads(directory)
    note(fetched)
    for name in sorted(fetched - files.keys()):
        forget(directory, name)
    left = [n for n, f in files.items() if not is_as_published(os.path.join(directory, n), f)]
    refuse(directory, {n for n in left if os.path.lexists(os.path.join(directory, n))} - fetched, info.sha)
    note(fetched & files.keys() | set(left))
    download_checked(arguments, info, files, left)
    lines = ["# " + heading]
    for name in sorted(files):
        lines.append("%s  %s" % (digest(os.path.join(directory, name), "sha256"), name))
    forget_downloads(directory)
    write_whole(sums, "\n".join(lines) + "\n")
    say("%s: %d files, every digest as the hub states" % (directory, len(files)))


def bytes_here(directory, names):
    """Of these files, and of downloads that were cut: they are gone on with or make room."""
    cut = glob.glob(os.path.join(glob.escape(directory), CACHE, "**", "*.incomplete"), recursive=True)
    paths = [os.path.join(directory, name) for name in names] + cut
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))


def check(arguments, api):
    earlier, fetched = read_record(arguments.directory) if arguments.directory else ("", set())
    revision = commit_of(earlier, arguments) or arguments.revision
    info = api.model_info(arguments.repository, revision=revision, files_metadata=True)
    files = {file.rfilename: file for file in wanted_files(info)}
    left = sum(file.size for file in files.values())
    if arguments.directory:
        refuse_other_weights(arguments.directory, files, fetched, info.sha)
        left = max(0, left - bytes_here(arguments.directory, fetched | files.keys()))
    say("%s at %s" % (arguments.repository, info.sha))
    say("bytes left %d" % left)


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
