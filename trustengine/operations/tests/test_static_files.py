"""Static files as a running server gives them, and what becomes of pages where they were not collected."""

import gzip
import os
import re
import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from trustengine.operations.tests.running import PROJECT, free_port, wait_for
from trustengine.static_files import MANIFEST, StaticFiles, collect, directory

PAGES = ["/sign-in/", "/admin/login/", "/api/docs/"]


@pytest.fixture(scope="module")
def server():
    collect(directory(settings.BASE_DIR))
    port = free_port()
    granian = [sys.executable, "-m", "granian", "--interface", "rsgi", "--factory", "--loop", "asyncio", "--no-ws"]
    granian += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "trustengine.rsgi:application"]
    process = subprocess.Popen(granian, cwd=PROJECT, env={**os.environ}, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(f"{address}/healthz"), "granian")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(address):
    try:
        return get(address)[0] == 200
    except OSError:
        return False


def get(address, **headers):
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def assets_of(page):
    return set(re.findall(r"""(?:href|src)="(/static/[^"]+)""", page))


def test_all_files_of_a_page_are_hashed_compressed_and_kept_for_good(server):
    seen = set()
    for page in PAGES:
        status, headers, body = get(server + page)
        assert status == 200
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        seen |= assets_of(body.decode())
    assert {"trustengine", "admin", "unfold", "drf_spectacular_sidecar"} & {each.split("/")[2] for each in seen}
    styles = [each for each in seen if each.endswith(".css")]
    for style in styles:  # and what they name in turn, such as fonts
        text = get(server + style)[2].decode()
        seen |= {
            urlsplit(urljoin(style, found)).path for found in re.findall(r"url\([\"']?(?!data:)([^\"')#?:]+)", text)
        }
    assert len(seen) > 8
    for asset in seen:
        status, headers, body = get(server + asset, **{"Accept-Encoding": "gzip"})
        assert status == 200, asset
        assert re.search(r"\.[0-9a-f]{12}\.", asset), asset
        assert "immutable" in headers["Cache-Control"], asset
        if asset.endswith((".css", ".js")) and len(body) > 1_000:
            assert headers["Content-Encoding"] == "gzip", asset
            assert gzip.decompress(body)


def test_a_plain_name_is_served_too_and_not_kept_for_good(server):
    status, headers, _ = get(f"{server}/static/trustengine/console.css")

    assert (status, headers["Cache-Control"]) == (200, "max-age=3600, public")
    assert get(f"{server}/static/trustengine/console.000000000000.css")[0] == 404


@pytest.mark.parametrize("manifest", [None, "", "{", "[]", '{"paths": {}, "version": "99"}', '{"version": "1.1"}'])
def test_without_a_usable_list_of_names_files_have_their_plain_ones(tmp_path, manifest):
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    storage = StaticFiles(location=str(tmp_path), base_url="/static/")

    for name in ("trustengine/console.css", "admin/img/icon-yes.svg", "unfold/css/styles.css"):
        assert storage.url(name) == f"/static/{name}"
        assert finders.find(name)
    assert storage.url("no/such/file.css") == "/static/no/such/file.css"


def test_they_are_collected_once_and_appear_complete(tmp_path):
    root = tmp_path / "static" / "abc"

    assert collect(root)
    assert (root / MANIFEST).exists()
    assert list(root.rglob("console.*.css.gz"))
    assert oct((root / "trustengine" / "console.css").stat().st_mode)[-3:] == "644", "also for a user who runs it"
    before = (root / MANIFEST).stat().st_mtime_ns
    assert not collect(root)
    assert (root / MANIFEST).stat().st_mtime_ns == before
    assert {each.name for each in root.parent.iterdir()} == {"abc", "lock"}
