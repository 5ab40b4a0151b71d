import contextlib
import functools
import http.server
import shutil
import signal
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from minilocal.compute import parallel

# A test may be slow: a kernel's first call compiles it, and machines are shared. Tests restore what their fixtures give
# them, or write it anew for each example.
unchecked = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("minilocal", deadline=None, suppress_health_check=unchecked)
settings.load_profile("minilocal")


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Ctrl-C works in tests and in the processes they start, even if the tests run in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def threads():
    """Two threads in every test, so that chunks really run in parallel; afterwards, the default again."""
    parallel.set_threads(2)
    yield
    parallel.set_threads(None)


@pytest.fixture(params=[300, pytest.param(10_000, marks=pytest.mark.slow)], ids=lambda count: f"{count} inputs")
def fuzz(request):
    """Decorates a hypothesis test inside a test: some hundreds of inputs, or thousands with `-m slow`."""
    return settings(max_examples=request.param)


@pytest.fixture(scope="session")
def damage():
    """A strategy for changes to a file's bytes, and the function that makes them."""
    place = st.floats(0, 1)
    changes = st.lists(
        st.one_of(
            st.tuples(st.just("cut"), place, st.just(0)),
            st.tuples(st.just("flip"), place, st.integers(1, 255)),
            st.tuples(st.just("insert"), place, st.integers(1, 3000)),
            st.tuples(st.just("max"), place, st.integers(1, 8)),
        ),
        min_size=1,
        max_size=4,
    )
    return changes, damaged


def damaged(content, changes):
    content = bytearray(content)
    for kind, where, value in changes:
        at = int(where * (len(content) - 1)) if content else 0
        if kind == "cut":
            del content[at:]
        elif kind == "flip" and content:
            content[at] ^= value
        elif kind == "insert":
            content[at:at] = bytes(value)
        else:
            content[at : at + value] = b"\xff" * value
    return bytes(content)


@pytest.fixture(scope="session")
def quick():
    """Options of the training command that make a run last about a second."""
    options = "--width 0.0625 --train-size 256 --test-size 100 --epochs 2 --batch-size 64"
    return options.split()


@pytest.fixture
def images():
    """A small data set that a small network learns quickly: a bright square, whose corner tells the class."""
    from minilocal.datasets import Dataset

    def draw(count, seed):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 4, count)
        x = rng.integers(0, 60, (count, 8, 8, 1)).astype(np.uint8)
        for image, label in zip(x, y, strict=True):
            i, j = divmod(int(label), 2)
            image[4 * i : 4 * i + 4, 4 * j : 4 * j + 4] += 150
        return x, y

    names = ("top left", "top right", "bottom left", "bottom right")
    return Dataset("squares", *draw(96, 1), *draw(40, 2), classes=names, flip=False)


# What a reader would stumble over in a page; only boxes that scroll may be wider than the window.
PROBLEMS = r"""
() => {
  const problems = [], page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) problems.push(`scrolls sideways: ${page.scrollWidth} pixels`);
  for (const image of document.images) {
    if (!image.naturalWidth) problems.push(`image not loaded: ${image.src}`);
    if (!image.alt && !image.closest(".sidebar-brand")) problems.push(`image without alt text: ${image.src}`);
  }
  for (const node of document.querySelectorAll("mjx-merror, .problematic")) problems.push(`bad: ${node.textContent}`);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (/\$[^$]+\$/.test(data) && !parentElement.closest("pre, code, script, style, mjx-container"))
      problems.push(`formula left as text: ${data.trim().slice(0, 80)}`);
  }
  return problems;
}
"""


@pytest.fixture
def chromium():
    """Yield a function that opens a page at a width; at the end, complain of what the pages logged or asked for."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium")
    complaints = []
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=quiet, timeout=0)

        def request(made):
            if not made.url.startswith(("file:", "data:", "http://127.0.0.1:")):
                complaints.append(f"asks for {made.url}")

        def opened(width=1400, **options):
            page = browser.new_page(viewport={"width": width, "height": 900}, **options)
            page.set_default_timeout(300_000)  # machines are shared
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("dialog", lambda dialog: (complaints.append("a dialog opens"), dialog.dismiss()))
            page.on("request", request)
            return page

        opened.problems = lambda page: page.evaluate(PROBLEMS)
        yield opened
        browser.close()
    assert not complaints, complaints


@contextlib.contextmanager
def _served(folder):
    """Serve a folder on this machine; yield its address."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def served():
    return _served
