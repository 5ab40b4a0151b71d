"""The site builds without a warning, its links lead somewhere, its pages fit, and the explorer says what Python says.

Skipped where Sphinx is not installed; what needs a browser, where playwright or a Chromium is missing. MINILOCAL_SITE
may name a site that has just been built.
"""

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import minilocal as ml
from minilocal.costs import algorithm_costs, pipeline_bound, reduction

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
pytest.importorskip("furo")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the built site."""
    if built := os.environ.get("MINILOCAL_SITE"):
        return Path(built)
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "tutorials", str(out)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return out


class Page(HTMLParser):
    """The links, the anchors and what is loaded of a page."""

    def __init__(self, file):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], {""}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag in ("script", "img", "link") and attributes.get("rel") != "canonical":
            self.loads += [attributes[key] for key in ("src", "href") if attributes.get(key)]


@pytest.fixture(scope="module")
def pages(site):
    return {file: Page(file) for file in sorted(site.rglob("*.html")) if "_static" not in file.parts}


def test_links_lead_somewhere(pages):
    for file, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(unquote(link))
            if re.match(r"\w+:", target):
                continue
            there = (file.parent / target).resolve() if target else file
            assert there.exists(), f"{file.name}: {link}"
            if there in pages and file.name not in ("search.html", "genindex.html"):
                assert anchor in pages[there].anchors, f"{file.name}: {link}"


def test_nothing_is_loaded_from_elsewhere(pages):
    for file, page in pages.items():
        for address in page.loads:
            assert not re.match(r"\w+://|//", address), f"{file.name}: {address}"
            assert (file.parent / urldefrag(address)[0].partition("?")[0]).exists(), f"{file.name}: {address}"


def test_every_public_name_is_documented(site, pages):
    missing = {f"minilocal.{name}" for name in ml.__all__ if name != "__version__"} - pages[site / "api.html"].anchors
    assert not missing


def test_lessons_and_names_lead_to_one_another(site):
    lesson = (site / "02_convolution.html").read_text(encoding="utf-8")
    assert 'href="api.html#minilocal.Conv2d"' in lesson
    api = (site / "api.html").read_text(encoding="utf-8")
    assert 'href="02_convolution.html"' in api
    assert re.search(r'href="source/minilocal/layers/conv.html#L-\d+"', api)


def test_badges_come_from_the_one_address(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "tutorials" / "_site" / "pages.py")
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    assert module.badge("", "01_x") == ""
    host = "github.com"
    assert "/github/me/it/blob/main/tutorials/01_x.ipynb" in module.badge(f"https://{host}/me/it", "01_x")
    text = "[a](../LICENSE), [b](../minilocal/steps.py), [c](../README.md#start), [d](https://x.y), [e](#f)"
    page = f"https://{host}/me/it/blob/main/LICENSE"
    after = (
        '<a class="reference" href="source/minilocal/steps.html">b</a>, [c](index.md#start), [d](https://x.y), [e](#f)'
    )
    here = ROOT / "tutorials"
    assert module.linked(text, here, here, f"https://{host}/me/it") == f"[a]({page}), {after}"
    assert module.linked(text, here, here, "") == f"a, {after}"


@pytest.fixture(scope="module")
def address(site, served):
    with served(site) as address:
        yield address


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_pages_fit(chromium, site, address, width):
    page = chromium(width)
    for file in sorted([*site.glob("*.html"), *site.glob("teach/*.html")]):
        page.goto(f"{address}/{file.relative_to(site).as_posix()}")
        page.wait_for_load_state("networkidle")
        assert chromium.problems(page) == [], f"{file.name} at {width} pixels"


LAYERS = {"vgg8b": 7, "vgg11b": 10, "vgg11bx2": 10, "vgg16": 15, "vgg19": 18, "resnet20": 10}
SETTINGS = [
    ("vgg8b", "BP", "a1", 10), ("vgg8b", "G1", "a1", 10), ("vgg8b", "G3S2", "a2", 100), ("vgg11b", "G2S1", "a1", 47),
    ("vgg11bx2", "G4", "a2", 10), ("vgg16", "G3S1", "a1", 10), ("vgg16", "G15", "a1", 1000),
    ("vgg16", "G7S3", "a2", 26), ("vgg19", "G18S17", "a1", 100), ("resnet20", "G2", "a1", 100),
]  # fmt: skip


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"[\d,]*\d(?:\.\d+)?", text)]


def test_the_explorer_shows_what_python_says(chromium, address):
    page = chromium()
    page.goto(f"{address}/explorer.html")
    for model, algo, classifier, classes in SETTINGS:
        size, _, shift = algo.removeprefix("G").partition("S")
        chosen = {"model": model, "size": size, "shift": shift or "0", "classifier": classifier, "classes": classes}
        for name, value in chosen.items():
            if page.locator(f"select[name={name}]").is_enabled():
                page.select_option(f"select[name={name}]", str(value))
        check_blocks(page, model, algo)
        check_costs(page, model, algo, classifier, classes)


def check_blocks(page, model, algo):
    schedule, layers = ml.parse_schedule(algo), LAYERS[model]
    lines = page.locator("#explorer-epochs li").all_inner_texts()
    assert len(lines) == schedule.period
    for epoch, line in enumerate(lines):
        blocks = schedule.blocks_at(epoch, layers)
        assert ", ".join(str(block).replace("-", "–") for block in blocks) == re.search(r"blocks? (.*)$", line)[1]
        rest = re.search(r"layers? ([\d–]+) rests?;", line)
        first = blocks[0].first
        assert (rest[1] if rest else None) == (None if first == 1 else "1" if first == 2 else f"1–{first - 1}")
        column = page.locator("#explorer-picture svg > g").count()
        assert column >= sum(len(schedule.blocks_at(e, layers)) for e in range(max(4, schedule.period)))


def check_costs(page, model, algo, classifier, classes):
    ours, bp = (
        algorithm_costs(ml.architecture(model), name, classes=classes, classifier=classifier) for name in (algo, "BP")
    )
    expected = [
        (ours.macs, bp.macs), (ours.mean.stored, bp.mean.stored), (ours.off_chip, bp.off_chip),
        (ours.weights, bp.weights), (pipeline_bound(ours, bp), 1.0),
    ]  # fmt: skip
    tables = page.locator("#explorer-bars table")
    assert tables.count() == len(expected)
    for i, pair in enumerate(expected):
        rows = tables.nth(i).locator("tbody tr")
        bars = [
            sum(bar.bounding_box()["width"] for bar in rows.nth(j).locator("td.bar span").all())
            for j in range(rows.count())
        ]
        texts = tables.nth(i).locator("td.total").all_inner_texts()
        assert numbers(texts[0])[0] == pytest.approx(pair[1], abs=0.5 if i < 4 else 0.005)
        if algo == "BP":
            assert len(texts) == 1
            continue
        assert numbers(texts[1])[0] == pytest.approx(pair[0], abs=0.5 if i < 4 else 0.005)
        assert bars[1] / bars[0] == pytest.approx(pair[0] / pair[1], rel=0.03)  # whole pixels
        if i < 4:
            less = reduction(*pair)
            shown = 0 if "as BP" in texts[1] else numbers(texts[1])[1] * (1 if "less" in texts[1] else -1)
            assert shown == pytest.approx(100 * less, abs=0.0501)
    macs = ours.mean.macs
    parts = numbers(tables.nth(0).locator("td.parts").inner_text().rpartition(f"{algo}: ")[2])
    assert parts == pytest.approx([macs.forward, macs.weight_gradient, macs.input_gradient, macs.classifiers], abs=0.5)


def test_the_explorer_is_short():
    script = ROOT / "tutorials" / "_site" / "static" / "explorer.js"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_explorer_needs_no_mouse_and_remembers(chromium, address):
    page = chromium()
    page.goto(f"{address}/explorer.html")
    page.locator("select[name=model]").focus()
    page.keyboard.press("v")  # from vgg16 on to vgg19
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    assert page.locator("#explorer-title").inner_text().startswith("G3S1 on vgg19")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    assert page.locator("#explorer-title").inner_text().startswith("G3S1 on vgg19")


def test_the_home_pages_picture_can_stand_still(chromium, address):
    page = chromium()
    page.goto(f"{address}/index.html")
    states = "() => document.getAnimations().map((animation) => animation.playState)"
    assert set(page.evaluate(states)) == {"running"}
    page.get_by_label("Pause").check()
    assert set(page.evaluate(states)) == {"paused"}
    calm = chromium(reduced_motion="reduce")
    calm.goto(f"{address}/index.html")
    assert calm.evaluate(states) == []
