"""Downloads against a local server that truncates, corrupts and refuses."""

import hashlib
import io
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dlbook.data import DataError, Dataset, download, fetch, verify

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as its server's ``behaviour`` says."""

    def do_GET(self):
        self.server.requests.append(self.path)
        behaviour = self.server.behaviour
        if isinstance(behaviour, int):
            self.send_error(behaviour)
            return
        content = self.server.content
        body = b"wrong" + content[5:] if behaviour == "corrupt" else content
        self.send_response(200)
        if behaviour != "truncate unannounced":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(body[:70_000] if "truncate" in behaviour else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, and a data set ``toy`` that lies on it; the cache starts empty."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.behaviour, server.requests, server.content = "serve", [], CONTENT
        address = f"http://127.0.0.1:{server.server_port}/toy"
        toy = Dataset("Toy", "us", "MIT", address, {"toy.bin": SHA256})
        monkeypatch.setitem(download.DATASETS, "toy", toy)
        monkeypatch.setattr(download, "CACHE", tmp_path / "cache")
        monkeypatch.delenv("DLBOOK_DATA", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def cached(tmp_path):
    """Where the downloaded file belongs."""
    return tmp_path / "cache" / "toy" / "toy.bin"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Where the user's own copy would lie in ``$DLBOOK_DATA``."""
    monkeypatch.setenv("DLBOOK_DATA", str(tmp_path / "own"))
    (tmp_path / "own" / "toy").mkdir(parents=True)
    return tmp_path / "own" / "toy" / "toy.bin"


def test_a_file_is_downloaded_once_and_then_found_in_the_cache(server, cached):
    assert fetch("toy", "toy.bin") == fetch("toy", "toy.bin") == cached
    assert cached.read_bytes() == CONTENT
    assert server.requests == ["/toy/toy.bin"]


@pytest.mark.parametrize(
    "behaviour", ["corrupt", "truncate", "truncate unannounced", 404, 500]
)
def test_a_failed_download_is_a_clear_error_and_leaves_nothing(
    server, cached, behaviour
):
    server.behaviour = behaviour
    with pytest.raises(DataError, match=r"(?s)cannot download.*DLBOOK_DATA"):
        fetch("toy", "toy.bin")
    assert list(cached.parent.iterdir()) == []
    server.behaviour = "serve"
    assert fetch("toy", "toy.bin").read_bytes() == CONTENT


def test_without_a_network_the_error_says_what_to_do(server, cached):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError) as caught:
        fetch("toy", "toy.bin")
    message = str(caught.value)
    assert f"Get {download.DATASETS['toy'].address}/toy.bin by other means" in message
    assert f"put it at {cached}" in message
    assert "set DLBOOK_DATA to a folder that holds toy/toy.bin" in message


def test_an_interrupted_download_leaves_nothing(server, cached, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.models.Response.iter_content", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("toy", "toy.bin")
    assert list(cached.parent.iterdir()) == []


def test_a_wrong_file_in_the_cache_is_replaced(server, cached):
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT[:-1])
    assert fetch("toy", "toy.bin").read_bytes() == CONTENT


def test_a_wrong_file_in_the_cache_is_never_returned_while_offline(server, cached):
    server.behaviour = 500
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match="cannot download"):
        fetch("toy", "toy.bin")


def test_the_users_own_copy_comes_first_and_needs_no_network(server, cached, own):
    own.write_bytes(CONTENT)
    assert fetch("toy", "toy.bin") == own
    assert server.requests == []
    assert not cached.exists()


def test_a_wrong_copy_of_the_users_is_an_error_and_stays_untouched(server, own):
    own.write_bytes(b"mine")
    actual = hashlib.sha256(b"mine").hexdigest()
    with pytest.raises(DataError, match=f"{actual}, expected {SHA256}"):
        fetch("toy", "toy.bin")
    assert own.read_bytes() == b"mine"
    assert server.requests == []


def test_what_the_users_folder_lacks_is_downloaded_into_the_cache(server, cached, own):
    assert fetch("toy", "toy.bin") == cached
    assert not own.exists()


def test_a_data_folder_that_is_not_there_is_an_error(server, monkeypatch, tmp_path):
    monkeypatch.setenv("DLBOOK_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match=r"typo.* is not a folder"):
        fetch("toy", "toy.bin")


def zipped(*members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def archive(server, monkeypatch):
    """The same server, with the data set's file in a folder of an archive."""
    address = f"{download.DATASETS['toy'].address}.zip"
    toy = Dataset("Toy", "us", "MIT", address, {"toy.bin": SHA256})
    monkeypatch.setitem(download.DATASETS, "toy", toy)
    server.content = zipped(("a toy/toy.bin", CONTENT), ("a toy/x.txt", b"x"))
    return server


def test_a_file_is_taken_out_of_its_archive(archive, cached):
    assert fetch("toy", "toy.bin") == fetch("toy", "toy.bin") == cached
    assert cached.read_bytes() == CONTENT
    assert archive.requests == ["/toy.zip"]
    assert list(cached.parent.iterdir()) == [cached]


@pytest.mark.parametrize(
    "behaviour", ["serve", "corrupt", "truncate", "truncate unannounced", 404]
)
def test_a_failed_or_wrong_archive_is_a_clear_error_and_leaves_nothing(
    archive, cached, behaviour
):
    archive.behaviour = behaviour
    if behaviour == "serve":
        archive.content = zipped(("toy.bin", CONTENT[:-1]))
    with pytest.raises(DataError, match=r"Get toy\.bin in http.*/toy\.zip by other"):
        fetch("toy", "toy.bin")
    assert list(cached.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("members", "found"), [(("x",), 0), (("a/toy.bin", "toy.bin"), 2)]
)
def test_an_archive_must_hold_the_file_once(archive, members, found):
    archive.content = zipped(*((name, CONTENT) for name in members))
    with pytest.raises(DataError, match=rf"holds {found} files toy\.bin, not 1"):
        fetch("toy", "toy.bin")


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown data set 'cifar'.*fashion-mnist"):
        fetch("cifar", "x")
    with pytest.raises(ValueError, match=r"has no file 'x'.*input\.txt"):
        fetch("tinyshakespeare", "x")
    with pytest.raises(ValueError, match="unknown data set"):
        verify("cifar")


@pytest.mark.parametrize("place", ["cached", "own"])
def test_verify_tells_missing_wrong_and_right_files_apart(server, place, request):
    path = request.getfixturevalue(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    states = [verify("toy")[0].state]
    for content in (b"", CONTENT[:-1], CONTENT):
        path.write_bytes(content)
        status = verify("toy")[0]
        states.append(status.state)
        assert (status.path, path.read_bytes()) == (path, content)
    assert states == ["missing", "wrong", "wrong", "verified"]
    assert server.requests == []


FETCH_IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from dlbook.data import Dataset, download
files = {"toy.bin": sys.argv[3]}
download.DATASETS["toy"] = Dataset("Toy", "us", "MIT", sys.argv[2], files)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    download.CACHE = Path(sys.argv[1], str(turn))
    download.fetch("toy", "toy.bin")
"""


def test_two_processes_may_fetch_the_same_file_at_once(server, tmp_path):
    arguments = [str(tmp_path), download.DATASETS["toy"].address, SHA256]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", FETCH_IN_ANOTHER_PROCESS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    for turn in range(20):
        (only,) = (tmp_path / str(turn) / "toy").iterdir()
        assert only.read_bytes() == CONTENT


@pytest.mark.parametrize("name", sorted(download.DATASETS))
def test_every_listed_file_has_a_sha256_and_a_web_address(name):
    dataset = download.DATASETS[name]
    assert dataset.address.startswith(("http://", "https://"))
    assert not dataset.address.endswith("/")
    for sha256 in dataset.files.values():
        assert len(bytes.fromhex(sha256)) == 32
