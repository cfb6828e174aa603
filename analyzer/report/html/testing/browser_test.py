"""report.html in headless Chromium: browser_test.py COMPARE FOLDER_OF_make_experiments."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import browser

COMPARE, GENERATORS = sys.argv[1:3]
sys.path.insert(0, GENERATORS)
import make_experiments  # noqa: E402

BOTH = ["A100-80GB", "H100"]
PLOTS = 7  # of an experiment with variants and a second hardware
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>&\u2028"


class Report:
    """The report of the experiments that `write(folder)` writes."""

    def __init__(self, write, code=0):
        self.folder = tempfile.mkdtemp(dir=os.environ["TEST_TMPDIR"])
        experiments = os.path.join(self.folder, "experiments")
        os.mkdir(experiments)
        write(experiments)
        output = os.path.join(self.folder, "report")
        done = subprocess.run([COMPARE, experiments, "--output=" + output], capture_output=True)
        assert done.returncode == code, done.stderr.decode()
        self.page = os.path.join(output, "report.html")
        with open(os.path.join(output, "summary.json")) as f:
            self.summary = json.load(f)
        with open(os.path.join(output, "analysis_reports.json")) as f:
            self.reports = json.load(f)


def writer(name, *arguments, change=None, **options):
    def write(folder):
        data = make_experiments.experiment(name, *arguments, **options)
        if change:
            change(data)
        make_experiments.write(folder, name + "_experiment.json", data)

    return write


def drawn(element):
    return [plot for plot in element.all(class_="plot") if "data-drawn" in plot.attributes]


def visible_text(root):
    """All text but that of scripts and styles."""
    if root.tag in ("script", "style"):
        return ""
    return "".join(c if isinstance(c, str) else visible_text(c) for c in root.children)


class Page(unittest.TestCase):
    def assert_sound(self, root):
        errors = root.one(id="errors")
        self.assertIn("hidden", errors.attributes, errors.text())
        self.assertEqual(errors.text(), "")

    def sections(self, root):
        return list(root.all("section", class_="experiment"))

    def test_shows_all_experiments_with_the_summarys_figures(self):
        report = Report(make_experiments.write_all)
        root = browser.draw(report.page, (1300, 2000))
        self.assert_sound(root)
        self.assertEqual(len(self.sections(root)), len(report.summary))
        self.assertLess(len(drawn(root)), PLOTS * 3, "plots that are not in view wait")
        rows = [row for row in root.one("table", class_="verdict").one("tbody").all("tr")]
        self.assertEqual(len(rows), len(report.summary))
        for row, expected in zip(rows, report.summary):
            self.assertEqual(next(row.all("a")).text(), expected["experiment"])
            self.assertEqual(row.one(data_key="detectability").attributes["data-value"],
                             expected["detectability"])
            for key in ("baseline_l2", "min_signal_l2", "mean_signal_l2", "max_signal_l2", "snr",
                        "p_holm"):
                shown = row.one(data_key=key).attributes["data-value"]
                if expected[key] is None or isinstance(expected[key], str):
                    self.assertEqual(shown, expected[key] or "null")
                else:
                    self.assertEqual(float(shown), expected[key])
            self.assertEqual(len(list(row.all("svg"))), 1, "the SNR on a scale")
        for section, row in zip(self.sections(root), report.summary):
            self.assertEqual(next(section.all("h2")).text(), row["experiment"])
            caveats = report.reports[row["experiment"]]["caveats"]
            for caveat in caveats:
                self.assertIn(caveat["text"], visible_text(root))

    def test_draws_every_plot_of_an_experiment(self):
        report = Report(writer("batch_size", "batch_size", [1, 2, 4], BOTH))
        root = browser.draw(report.page)
        self.assert_sound(root)
        plots = drawn(self.sections(root)[0])
        self.assertEqual(len(plots), PLOTS)
        for plot in plots:
            self.assertTrue(any("main-svg" in svg.attributes.get("class", "")
                                for svg in plot.all("svg")), plot.attributes)
        variants = root.one("table", class_="variants").one("tbody")
        pairs = [pair for key in ("within_hardware_detectability", "cross_hardware_detectability")
                 for group in report.reports["batch_size"][key].values() for pair in group.values()]
        self.assertEqual(len(list(variants.all("tr"))), len(pairs))
        identity = root.one("table", class_="identity").one("tbody")
        self.assertEqual(len(list(identity.all("tr"))), 6)

    def test_odd_reports_are_drawn_and_say_what_is_not(self):
        def one_step(data):
            for run in data["runs"]:
                run["decode_steps"] = run.get("decode_steps", [])[:1]

        def no_runs(data):
            data["runs"] = []

        def nothing(data):
            data["runs"], data["configurations"] = [], []

        # (experiment, values, hardware, change, plots)
        cases = [("one_machine", [1, 2], ["H100"], None, PLOTS - 2),
                 ("one_configuration", [1], ["H100"], None, 1),
                 ("one_step", [1, 2], BOTH, one_step, PLOTS),
                 ("no_runs", [1, 2], BOTH, no_runs, 1),
                 ("nothing", [1], BOTH, nothing, 0)]

        def write(folder):
            for name, values, hardware, change, _ in cases:
                writer(name, name, values, hardware, change=change)(folder)
            with open(os.path.join(folder, "compile_experiment.json"), "w") as f:
                f.write('{"runs": [')

        root = browser.draw(Report(write, code=4).page, (1300, 12000))
        self.assert_sound(root)
        sections = {next(section.all("h2")).text(): section for section in self.sections(root)}
        self.assertEqual(set(sections), {case[0] for case in cases})
        for name, _, _, _, plots in cases:
            self.assertEqual(len(drawn(sections[name])), plots, name)
        self.assertIn("Telling a position from noise: No noise",
                      sections["one_machine"].one(class_="not-drawn").text())
        self.assertIn("compile_experiment.json: byte 10", root.one(id="common-caveats").text())

    def test_hostile_texts_are_texts(self):
        def change(data):
            data["experiment_metadata"]["experiment_type"] = HOSTILE
            data["experiment_metadata"]["variable_tested"] = HOSTILE
            for configuration in data["configurations"]:
                configuration["config_id"] += HOSTILE
            for run in data["runs"]:
                run["config_id"] += HOSTILE
                for step in run.get("decode_steps", []):
                    step["token_text"] = HOSTILE
            # Another token at one step, so that the texts of both are shown.
            data["runs"][-1]["decode_steps"][4]["token_id"] = 7

        root = browser.draw(Report(writer("hostile", "v", [1, 2], BOTH, change=change)).page)
        self.assert_sound(root)
        self.assertEqual(root.one("title").text(), "Floating-point forensics: report")
        self.assertEqual([image for image in root.all("img") if image.attributes.get("src") == "x"], [])
        self.assertEqual(next(root.all("h2")).text(), HOSTILE)
        self.assertIn("<img src=x onerror=alert(1)>", root.one("table", class_="divergence").text())
        self.assertEqual(len(drawn(root)), PLOTS)

    def test_attribution_is_a_table_and_a_request_is_refused_and_said(self):
        page = Report(writer("batch_size", "batch_size", [1, 2], BOTH)).page
        with open(page) as f:
            text = f.read()
        found = {"labels": ["1", "2"], "answers": ["1", "2", "none of these", "undecided"],
                 "matrix": [[3, 0, 0, 1], [0, 4, 0, 0]], "attributed": 8, "right": 7,
                 "accuracy": 0.875, "accuracy_interval": {"low": 0.47, "high": 0.99},
                 "absent": [1, 0, 7, 0], "absent_accuracy": 0.875,
                 "absent_accuracy_interval": None, "mean_confidence": 0.9,
                 "caveat": "told apart less often than is stated"}
        attribution = {"leave_one_out": {"by_value": found, "by_hardware": None}}
        # The page's own stands in the report under another name: of two the last would count.
        text = text.replace('"attribution":', '"its_own":').replace(
            '{"experiment":"batch_size",',
            '{"experiment":"batch_size","attribution":%s,' % json.dumps(attribution), 1)
        tampered = page + ".tampered.html"
        with open(tampered, "w") as f:
            f.write(text.replace("</body>", "<img src='http://127.0.0.1:9/x.png'></body>"))
        root = browser.draw(tampered, (1300, 1000))
        self.assertIn("img-src http://127.0.0.1:9/x.png", root.one(id="errors").text())
        rows = root.one("table", class_="confusion").one("tbody").all("tr")
        self.assertEqual([[cell.text() for cell in row.children] for row in rows],
                         [["1", "3", "\u00b7", "\u00b7", "1"], ["2", "\u00b7", "4", "\u00b7", "\u00b7"],
                          ["a label that the library lacks", "1", "\u00b7", "7", "\u00b7"]])
        self.assertIn("7 of 8 right: 87.5 % [0.470, 0.990]", visible_text(root))
        self.assertIn("Caveat: told apart less often than is stated.", visible_text(root))

    def test_says_why_there_is_no_interval(self):
        def one_step(data):
            for run in data["runs"]:
                run["decode_steps"] = run.get("decode_steps", [])[:1]

        root = browser.draw(Report(writer("batch_size", "batch_size", [1, 2], BOTH,
                                          change=one_step)).page)
        self.assert_sound(root)
        said = {name: [note.text() for note in root.one("table", class_=name).all(class_="no-interval")]
                for name in ("variants", "timing")}
        # Pairs across hardware are held against no noise; timing has a line a configuration.
        self.assertEqual(said["variants"], ["3 positions: fewer than 12"] * 2)
        self.assertEqual(said["timing"].count("the baseline itself"), 2)

    def test_narrow_pages_scroll_tables_alone(self):
        page = Report(make_experiments.write_all).page
        for width, is_whole in ((1440, True), (1280, True), (1100, True), (1024, True), (390, False)):
            found = browser.measure(page, (width, 1000))
            self.assertEqual(found["width"], width)
            self.assertLessEqual(found["content"], width, "the page does not scroll sideways")
            self.assertEqual(found["table"] <= found["box"], is_whole, found)

    def test_paper_has_every_plot_whole_and_nothing_folded(self):
        page = Report(make_experiments.write_all).page
        screen = browser.measure(page, (1300, 1000))
        paper = browser.measure(page, (1300, 1000), "dispatchEvent(new Event('beforeprint'));")
        self.assertGreater(screen["folded"], 0)
        self.assertEqual(paper["folded"], 0)
        self.assertGreater(paper["drawn"], screen["drawn"])
        self.assertEqual(paper["cut"], 0)
        after = browser.measure(page, (1300, 1000), "dispatchEvent(new Event('beforeprint'));"
                                "dispatchEvent(new Event('afterprint'));")
        self.assertEqual(after["folded"], screen["folded"])
        self.assertEqual(after["cut"], 0)

    def test_is_seen_light_and_dark(self):
        page = Report(writer("batch_size", "batch_size", [1, 2, 4], BOTH)).page
        light = browser.colours(page, (900, 600))
        dark = browser.colours(page, (900, 600), ["--blink-settings=preferredColorScheme=0"])
        for colours, background in ((light, (246, 247, 249)), (dark, (16, 19, 23))):
            self.assertGreater(colours.get(background, 0), 900 * 600 * 0.2)
            self.assertGreater(len(colours), 50, "text and badges beside the background")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
