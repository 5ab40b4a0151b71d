"""Downloads from a server on this machine, good and bad."""

import dataclasses
import hashlib
import http.server
import io
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest

from minilocal.datasets import fetch as fetch_module
from minilocal.datasets import load
from minilocal.datasets.catalogue import CATALOGUE, Download
from minilocal.datasets.fetch import fetch, progress
from minilocal.errors import InputError


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        behaviour, path = self.server.behaviour, self.path.removeprefix("/moved")
        content = self.server.files.get(path)
        moved = {"redirect in circles": self.path, "redirect to a file": "file:///etc/hosts"}
        if path == self.path:
            moved["redirect"] = "/moved" + path
        errors = {"404": (404,), "500": (500,), "long words": (403, "Go\x1baway " + "away " * 1000)}
        if behaviour == "garbage":
            self.wfile.write(b"\x1b[31m\xff" * 1000)
        elif behaviour in moved:
            self.send_response(302)
            self.send_header("Location", moved[behaviour])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif behaviour in errors or content is None:
            self.send_error(*errors.get(behaviour, (404,)))
        else:
            self.send_content(behaviour, content)

    def send_content(self, behaviour, content):
        self.send_response(200)
        if behaviour in ("longer", "no length, longer"):
            content += b"more"
        elif behaviour == "shorter":
            content = content[:-4]
        elif behaviour == "changed":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if behaviour == "nonsense length":
            self.send_header("Content-Length", "many")
        elif behaviour not in ("no length", "no length, longer"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if behaviour in ("broken off", "stall"):
            content = content[: len(content) // 2]
        pause = {"trickle": 0.02, "dribble": 0.0001}.get(behaviour, 0)
        step = 100 if pause else len(content)
        for i in range(0, len(content), step):
            try:
                self.wfile.write(content[i : i + (1 if behaviour == "trickle" else step)])
                self.wfile.flush()
            except OSError:  # the client has gone
                return
            if self.server.patience.wait(pause):
                return
        if behaviour == "stall":
            self.server.patience.wait(5)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked, server.behaviour, server.patience = {}, [], None, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.patience.set()
    server.shutdown()
    thread.join()
    server.server_close()


def change(monkeypatch, name, downloads):
    """Replace the addresses in the catalogue."""
    monkeypatch.setitem(CATALOGUE, name, dataclasses.replace(CATALOGUE[name], downloads=tuple(downloads)))


def serve(server, monkeypatch, name, contents, sized=False):
    """Put files on the server and their addresses in the catalogue."""
    server.files.update({f"/{file}": content for file, content in contents.items()})
    sums = {file: hashlib.md5(content).hexdigest() for file, content in contents.items()}
    sizes = {file: len(content) if sized else None for file, content in contents.items()}
    change(monkeypatch, name, [Download(f"{server.url}/{file}", sums[file], sizes[file]) for file in contents])


@pytest.fixture
def mnist_server(server, monkeypatch, mnist_folder):
    serve(server, monkeypatch, "mnist", {path.name: path.read_bytes() for path in mnist_folder.iterdir()})
    return server


def serve_archive(server, monkeypatch, name, folder):
    """Serve the archive of a folder as the authors pack it, with a file that nobody needs."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(folder, folder.name)
        tar.addfile(tarfile.TarInfo(f"{folder.name}/readme.html"))
    serve(server, monkeypatch, name, {f"{name}.tar.gz": archive.getvalue()}, sized=True)


@pytest.fixture
def cifar_server(server, monkeypatch, cifar10_folder):
    (cifar10_folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))
    serve_archive(server, monkeypatch, "cifar10", cifar10_folder)
    return server


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def fetched(name, here, **options):
    """Return the data set that was downloaded."""
    return load(name, fetch(name, here, quiet=True, **options))


def refused(here, message, name="mnist", **options):
    """The download is refused and leaves nothing; return the message."""
    with pytest.raises(InputError, match=message) as error:
        fetch(name, here, quiet=True, **options)
    assert everything_in(here) == []
    return str(error.value)


def test_files(mnist_server, mnist_folder, tmp_path):
    """A teacher downloads into a shared folder: files must not keep the private modes of temporary files."""
    (tmp_path / "usual").touch()
    here = tmp_path / "deep" / "down"
    assert fetch("mnist", here, quiet=True) == here / "mnist"
    assert everything_in(here / "mnist") == everything_in(mnist_folder)
    assert {path.stat().st_mode for path in (here / "mnist").iterdir()} == {(tmp_path / "usual").stat().st_mode}
    np.testing.assert_array_equal(load("mnist", here).x_train, load("mnist", mnist_folder).x_train)
    assert len(mnist_server.asked) == 4


def test_good_files_are_not_fetched_again(mnist_server, tmp_path):
    folder = fetch("mnist", tmp_path / "here", quiet=True)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    mnist_server.asked.clear()
    fetched("mnist", tmp_path / "here")
    assert sorted(mnist_server.asked) == ["/t10k-images-idx3-ubyte.gz", "/train-labels-idx1-ubyte.gz"]


def test_archive(cifar_server, cifar10_folder, tmp_path):
    folder = fetch("cifar10", tmp_path / "here", quiet=True)
    assert everything_in(tmp_path / "here") == sorted(
        ["cifar-10-batches-bin", *(f"cifar-10-batches-bin/{name}" for name in CATALOGUE["cifar10"].members)]
    )
    data = load("cifar10", tmp_path / "here")
    assert data.classes == tuple("abcdefghij")
    np.testing.assert_array_equal(data.x_train, load("cifar10", cifar10_folder).x_train)
    fetch("cifar10", tmp_path / "here", quiet=True)
    assert len(cifar_server.asked) == 1
    (folder / "data_batch_2.bin").write_bytes(b"damaged")
    fetched("cifar10", tmp_path / "here")
    assert len(cifar_server.asked) == 2


def test_both_parts_of_emnist_come_from_one_zip(server, monkeypatch, write_idx, tmp_path):
    entry, packed = CATALOGUE["emnist-letters"], io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member in entry.members:
            labels = np.arange(1, 27, dtype=np.uint8)
            write_idx(tmp_path / "idx", labels if "labels" in member else np.zeros((26, 28, 28), np.uint8))
            archive.write(tmp_path / "idx", f"gzip/{member}")
        archive.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"")
    serve(server, monkeypatch, entry.name, {"gzip.zip": packed.getvalue()})
    change(monkeypatch, "emnist-balanced", CATALOGUE[entry.name].downloads)
    folder = fetch(entry.name, tmp_path / "here", quiet=True)
    assert {path.name for path in folder.iterdir()} == set(entry.members)
    assert fetch("emnist-balanced", tmp_path / "here", quiet=True) == folder
    assert server.asked == ["/gzip.zip"]
    assert load("emnist-letters", folder).y_test.tolist() == list(range(26))


def test_cifar100_archive(server, monkeypatch, cifar100_folder, tmp_path):
    (cifar100_folder / "fine_label_names.txt").write_text("\n".join(f"name{i}" for i in range(100)))
    serve_archive(server, monkeypatch, "cifar100", cifar100_folder)
    assert fetched("cifar100", tmp_path / "here").classes[42] == "name42"


def test_the_cache_is_the_default(mnist_server, tmp_path, monkeypatch):
    monkeypatch.setenv("MINILOCAL_CACHE", str(tmp_path / "cache"))
    assert fetch("mnist", quiet=True) == tmp_path / "cache" / "mnist"
    load("mnist")


@pytest.mark.parametrize("slash", ["", "/"])
def test_mirror(mnist_server, monkeypatch, tmp_path, slash):
    downloads = CATALOGUE["mnist"].downloads
    change(monkeypatch, "mnist", [Download(f"http://127.0.0.1:9/{gone.file}", gone.md5) for gone in downloads])
    mnist_server.files = {f"/mirror{path}": content for path, content in mnist_server.files.items()}
    fetched("mnist", tmp_path / "here", mirror=f"{mnist_server.url}/mirror{slash}")
    assert len(mnist_server.asked) == 4


def test_folder_as_mirror(mnist_server, mnist_folder, tmp_path):
    fetched("mnist", tmp_path / "here", mirror=mnist_folder.as_uri())
    assert not mnist_server.asked


@pytest.mark.parametrize("behaviour", ["redirect", "no length", "nonsense length", "dribble"])
def test_unusual_but_right(mnist_server, tmp_path, behaviour):
    mnist_server.behaviour = behaviour
    fetched("mnist", tmp_path / "here")


BAD = {
    "404": "the server answers 404 Not Found",
    "500": "the server answers 500",
    "broken off": "broke off after",
    "changed": "has the MD5",
    "longer": "has the MD5|has .* bytes, not",
    "shorter": "has the MD5|has .* bytes, not",
    "stall": "timed out",
    "trickle": "comes too slowly",
    "redirect in circles": "infinite loop",
    "redirect to a file": "is not allowed",
    "garbage": "can't be downloaded",
    "long words": "the server answers 403 Go away away",
}


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize(("behaviour", "message"), BAD.items())
def test_bad_servers_leave_nothing(mnist_server, cifar_server, tmp_path, name, behaviour, message):
    mnist_server.behaviour, start = behaviour, time.monotonic()
    said = refused(tmp_path / "here", message, name, timeout=0.3)
    assert time.monotonic() - start < 3
    assert CATALOGUE[name].downloads[0].url in said
    assert "--mirror" in said or "try again" in said
    assert said.isprintable()
    assert len(said) < 400


def test_no_more_is_read_than_a_file_may_have(cifar_server, tmp_path):
    cifar_server.behaviour = "no length, longer"
    refused(tmp_path / "here", "has more than", "cifar10")


def test_an_endless_file_is_not_read_to_its_end(mnist_server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_module, "MOST", 1000)
    mnist_server.files = dict.fromkeys(mnist_server.files, bytes(100_000))
    mnist_server.behaviour = "no length"
    refused(tmp_path / "here", "has more than 1,000 bytes")


def test_evil_archive_leaves_nothing(server, monkeypatch, cifar10_folder, tmp_path):
    (cifar10_folder / "link").symlink_to("/etc")
    serve_archive(server, monkeypatch, "cifar10", cifar10_folder)
    refused(tmp_path / "here", r"cifar10\.tar\.gz can't be unpacked: .* absolute path", "cifar10")


def test_interruption_leaves_nothing(mnist_server, tmp_path, monkeypatch):
    def receive(*args):
        yield b"the first bytes"
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch_module, "_receive", receive)
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", tmp_path / "here", quiet=True)
    assert everything_in(tmp_path / "here") == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_a_process_killed_while_downloading_leaves_no_file_that_is_used(mnist_server, tmp_path):
    """The next download works as if nothing had happened."""
    mnist_server.behaviour, here = "stall", tmp_path / "here"
    code = f"from minilocal.datasets import fetch; fetch.fetch('mnist', {str(here)!r}, {mnist_server.url!r}, True)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not any(path.stat().st_size for path in here.glob(".fetch-*/*.gz")):
            time.sleep(0.01)
        process.kill()
    assert list((here / "mnist").iterdir()) == []
    with pytest.raises(InputError, match="mnist is not here"):
        load("mnist", here)
    mnist_server.behaviour = None
    fetched("mnist", here)


def test_a_failed_download_keeps_what_was_there(mnist_server, tmp_path):
    folder = fetch("mnist", tmp_path / "here", quiet=True)
    mine = folder / "train-images-idx3-ubyte.gz"
    mine.write_bytes(b"something else")
    mnist_server.behaviour = "changed"
    with pytest.raises(InputError):
        fetch("mnist", tmp_path / "here", quiet=True)
    assert mine.read_bytes() == b"something else"


@pytest.mark.parametrize(
    "mirror", ["http://127.0.0.1:1", "nonsense", "ftx://host", "http://[", "http://127.0.0.1:x", "http://a b"]
)
def test_unreachable_addresses(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    refused(tmp_path, "can't be downloaded", mirror=mirror, timeout=2)


@pytest.mark.parametrize("name", ["imagenet", "fashion-mnist-mini", "npz:x"])
def test_names_without_downloads_are_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"can't be downloaded; choose fashion-mnist, mnist, .*cifar10, cifar100"):
        fetch(name, tmp_path)


def test_a_folder_that_cannot_be_made(mnist_server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="mnist can't be stored in"):
        fetch("mnist", tmp_path / "file", quiet=True)
    assert not mnist_server.asked


def test_progress_is_printed_as_lines_without_a_terminal(mnist_server, tmp_path, capsys):
    fetch("mnist", tmp_path / "here")
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("train-images-idx3-ubyte.gz: downloading ") for line in lines)
    assert "train-images-idx3-ubyte.gz: 100 %" in lines
    fetch("mnist", tmp_path / "there", quiet=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("total", [1000, None])
def test_bar_on_a_terminal(monkeypatch, total):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(fetch_module.sys, "stderr", terminal)
    with progress("file.gz", total) as advance:
        advance(1000)
    assert "file.gz" in terminal.getvalue()
    assert "1.00k" in terminal.getvalue()


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (2000, ["file.gz: downloading 2,000 bytes", *(f"file.gz: {tenth} %" for tenth in range(10, 101, 10))]),
        (None, ["file.gz: downloading"]),
    ],
)
def test_a_line_for_every_tenth_of_a_known_length(capsys, total, expected):
    with progress("file.gz", total) as advance:
        for _ in range(200):
            advance(10)
    assert capsys.readouterr().err.splitlines() == expected
