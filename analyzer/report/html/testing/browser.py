"""A page as headless Chromium draws it: its document and a picture."""

import html.parser
import json
import os
import struct
import subprocess
import tempfile
import zlib

CHROMIUM = "/usr/bin/chromium"


def run(page, size, arguments):
    """Opens `page` in a window of `size` (width, height); returns what Chromium prints."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
            f"--user-data-dir={profile}", "--window-size=%d,%d" % size,
            "--virtual-time-budget=10000",
            "--run-all-compositor-stages-before-draw", *arguments, "file://" + os.path.abspath(page),
        ]  # fmt: skip
        environment = dict(os.environ, HOME=profile)
        done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []  # elements and texts

    def all(self, tag=None, **attributes):
        """Elements below by tag and attributes; of a class, one word is enough."""
        for child in self.children:
            if isinstance(child, str):
                continue
            if tag in (None, child.tag) and all(
                    value in child.attributes.get(name.strip("_").replace("_", "-"), "").split()
                    if name == "class_" else child.attributes.get(name.replace("_", "-")) == value
                    for name, value in attributes.items()):
                yield child
            yield from child.all(tag, **attributes)

    def one(self, tag=None, **attributes):
        found = list(self.all(tag, **attributes))
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    def text(self):
        return "".join(c if isinstance(c, str) else c.text() for c in self.children)


class Document(html.parser.HTMLParser):
    """The tree of an HTML text that a browser has written."""

    VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.open = Element("", {}, None)
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        made = Element(tag, {name: value or "" for name, value in attributes}, self.open)
        self.open.children.append(made)
        if tag not in self.VOID:
            self.open = made

    def handle_startendtag(self, tag, attributes):
        self.open.children.append(Element(tag, dict(attributes), self.open))

    def handle_endtag(self, tag):
        ancestor = self.open
        while ancestor.parent is not None and ancestor.tag != tag:
            ancestor = ancestor.parent
        if ancestor.parent is not None:
            self.open = ancestor.parent

    def handle_data(self, data):
        self.open.children.append(data)


def draw(page, size=(1300, 6000), arguments=()):
    """The document after the page's scripts have run; in a high window all plots are in view."""
    return Document(run(page, size, ["--dump-dom", *arguments])).root


# Runs in a page and tells it to the window around it.
MEASURE = """<script>
{before}
const plots = [...document.querySelectorAll('.plot[data-drawn]')];
parent.postMessage(JSON.stringify({{
  width: innerWidth,
  content: document.documentElement.scrollWidth,
  drawn: plots.length,
  cut: plots.filter((plot) => plot.querySelector('.main-svg').getBoundingClientRect().right >
      plot.closest('figure').getBoundingClientRect().right).length,
  folded: document.querySelectorAll('details:not([open])').length,
  table: document.querySelector('.verdict').scrollWidth,
  box: document.querySelector('.verdict').closest('.scroll').clientWidth,
}}), '*');
</script>"""


def measure(page, size, before=""):
    """Widths and plots of a page in a frame of `size`, in which the script `before` ran first.

    A frame, since Chromium opens no window as narrow as a phone's.
    """
    with open(page) as f:
        text = f.read()
    start = text.index("<meta http-equiv=\"Content-Security-Policy\"")
    text = text[:start] + text[text.index(">", start) + 1:]
    with open(page + ".measured.html", "w") as f:
        f.write(text.replace("</body>", MEASURE.format(before=before) + "</body>"))
    with open(page + ".frame.html", "w") as f:
        f.write("<!doctype html><pre id='found'></pre><script>addEventListener('message', (event) => "
                "{document.getElementById('found').textContent = event.data;});</script>"
                f"<iframe src='file://{os.path.abspath(page)}.measured.html' "
                f"style='border: 0; width: {size[0]}px; height: {size[1]}px'></iframe>")
    return json.loads(draw(page + ".frame.html", (2000, size[1])).one(id="found").text())


def colours(page, size, arguments=()):
    """The pixels of a screenshot: {(r, g, b): how many}."""
    with tempfile.TemporaryDirectory() as folder:
        picture = os.path.join(folder, "page.png")
        run(page, size, [f"--screenshot={picture}", *arguments])
        with open(picture, "rb") as f:
            return count_colours(f.read())


def count_colours(png):
    width, height, depth, colour_type = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and colour_type in (2, 6), (depth, colour_type)
    channels = 3 if colour_type == 2 else 4
    packed, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IDAT":
            packed += png[at + 8:at + 8 + length]
        at += 12 + length
    counts = {}
    for row in rows(zlib.decompress(packed), height, width * channels, channels):
        for x in range(0, len(row), channels):
            colour = (row[x], row[x + 1], row[x + 2])
            counts[colour] = counts.get(colour, 0) + 1
    return counts


def paeth(left, above, corner):
    distances = [abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)]
    return (left, above, corner)[distances.index(min(distances))]


def rows(data, height, stride, channels):
    """The rows of a PNG's pixels without their filters (PNG specification, section 9)."""
    above = bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        kind, row = data[start], bytearray(data[start + 1:start + 1 + stride])
        for x in range(stride):
            left = row[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            predicted = (0, left, above[x], (left + above[x]) // 2,
                         paeth(left, above[x], corner) if kind == 4 else 0)[kind]
            row[x] = (row[x] + predicted) & 255
        yield row
        above = row
