"""A Hugging Face hub on loopback: what huggingface_hub's client asks of one, and faults to plant.

As the real one it answers HEAD of a large file with a redirect to another address, its store, and
takes ranges there.
"""

import collections
import hashlib
import http.server
import json
import re
import threading
import urllib.parse


class Repository:
    """revisions: {branch or tag: commit}. commits: {commit: {file name: content}}."""

    def __init__(self):
        self.revisions, self.commits = {}, {}

    def commit(self, files, revision="main"):
        """Makes `files` the newest commit of a branch; returns its hash."""
        sha = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.revisions[revision] = sha
        self.commits[sha] = dict(files)
        return sha


def is_large(name):
    return name.endswith(".safetensors")


class Hub:
    """Serves `repositories`, {name: Repository}, until it is closed.

    Faults:
      cut: {file name: [bytes after which the connection of its next download is closed, ...]}
      flip: {file name: how many downloads of it come with a flipped bit}
      stall: {file name: bytes after which nothing more comes, until this is taken back}
      status: what the API answers instead, after `good_answers` more, until this is taken back
    """

    def __init__(self):
        self.repositories = collections.defaultdict(Repository)
        self.cut, self.flip, self.stall = {}, collections.Counter(), {}
        self.status, self.good_answers = None, 0
        self.tokens = set()  # of the Authorization headers that came
        self.sent = collections.Counter()  # {file name: bytes of its content}
        self.ranges = []  # (file name, first byte) of downloads that did not begin at 0
        self.stalled, self._closed = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_until_closed(self):
        self.stalled.set()
        self._closed.wait()

    def note(self, name, sent):
        with self._lock:
            self.sent[name] += sent

    def take_flip(self, name):
        with self._lock:
            self.flip[name] -= 1
            return self.flip[name] >= 0

    def take_end(self, name, size):
        """How many bytes of a file of this size a download gets to."""
        with self._lock:
            cuts = self.cut.get(name)
            return min(size, cuts.pop(0) if cuts else size, self.stall.get(name, size))


class _Handler(http.server.BaseHTTPRequestHandler):
    hub = None

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.hub.tokens.add(self.headers.get("Authorization"))
        path = urllib.parse.unquote(self.path.partition("?")[0])
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)", path)
        store = re.fullmatch(r"/store/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path)
        if api:
            self.describe(*api.groups())
        elif resolve:
            self.resolve(*resolve.groups())
        elif store:
            repository, commit, name = store.groups()
            self.send_content(name, self.hub.repositories[repository].commits[commit][name], {})
        else:
            self.answer(404, {})

    def describe(self, name, revision):
        if self.hub.status is not None:
            if self.hub.good_answers == 0:
                return self.answer(self.hub.status, {})
            self.hub.good_answers -= 1
        if name not in self.hub.repositories:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"})
        repository = self.hub.repositories[name]
        commit = repository.revisions.get(revision, revision)
        if commit not in repository.commits:
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        siblings = []
        for file, content in repository.commits[commit].items():
            blob = b"blob %d\0" % len(content) + content
            sibling = {"rfilename": file, "size": len(content), "blobId": hashlib.sha1(blob).hexdigest()}
            if is_large(file):
                sha256 = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        body = json.dumps({"id": name, "sha": commit, "siblings": siblings}).encode()
        self.answer(200, {"Content-Type": "application/json"}, body)

    def resolve(self, repository, commit, name):
        content = self.hub.repositories[repository].commits[commit][name]
        headers = {"X-Repo-Commit": commit, "ETag": '"%s"' % hashlib.sha1(content).hexdigest()}
        if not is_large(name):
            return self.send_content(name, content, headers)
        headers["X-Linked-ETag"] = '"%s"' % hashlib.sha256(content).hexdigest()
        headers["X-Linked-Size"] = str(len(content))
        headers["Location"] = "%s/store/%s/%s/%s" % (
            self.hub.url, repository, commit, urllib.parse.quote(name))
        self.answer(302, headers)

    def send_content(self, name, content, headers):
        first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(first.group(1)) if first else 0
        headers = dict(headers)
        headers["Content-Length"] = str(len(content) - begin)
        if first:
            headers["Content-Range"] = "bytes %d-%d/%d" % (begin, len(content) - 1, len(content))
        if self.command == "HEAD":
            return self.answer(200, headers)
        if begin > 0:
            self.hub.ranges.append((name, begin))
        if self.hub.take_flip(name):
            content = content[:-1] + bytes([content[-1] ^ 1])
        end = self.hub.take_end(name, len(content))
        self.hub.note(name, max(0, end - begin))
        self.answer(206 if first else 200, headers, content[begin:end])
        if name in self.hub.stall:
            self.wfile.flush()
            self.hub.wait_until_closed()
        self.close_connection = True
