"""A client that a tool generates from the API document works against the API."""

import importlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"
OPERATIONS = ("accounts.auth_token", "accounts.me_retrieve", "accounts.me_partial_update", "reviews.products_list")


@pytest.fixture
def client_package(live_server, tmp_path, monkeypatch):
    """The generated package, without its formatting step."""
    config = tmp_path / "config.json"
    binary = dict.fromkeys(["application/pdf", "image/jpeg"], "application/octet-stream")
    config.write_text(json.dumps({"post_hooks": [], "content_type_overrides": binary}))
    options = ["--meta", "none", "--output-path", tmp_path / "shop_client", "--config", config, "--fail-on-warning"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{live_server.url}/api/schema/"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("shop_client")
    operations = {name.partition(".")[2]: importlib.import_module(f"shop_client.api.{name}") for name in OPERATIONS}
    yield SimpleNamespace(package=package, models=importlib.import_module("shop_client.models"), **operations)
    for name in [name for name in sys.modules if name.split(".")[0] == "shop_client"]:
        del sys.modules[name]


def test_a_generated_client_makes_a_round_trip(client_package, live_server):
    user = UserFactory(username="shop", password=PASSWORD)
    product = ProductFactory(title="Café mug")
    models = client_package.models

    with client_package.package.Client(base_url=live_server.url) as anonymous:
        refused = client_package.me_retrieve.sync(client=anonymous)
        credentials = models.CredentialsRequest(username="shop", password=PASSWORD)
        tokens = client_package.auth_token.sync(client=anonymous, body=credentials)
        products = client_package.products_list.sync(client=anonymous, search="Café")
    with client_package.package.AuthenticatedClient(base_url=live_server.url, token=tokens.access) as signed_in:
        changes = models.PatchedMeChangesRequest(display_name="Lovelace")
        changed = client_package.me_partial_update.sync(client=signed_in, body=changes, idempotency_key="once")
        me = client_package.me_retrieve.sync(client=signed_in)

    assert refused.code == "AUTH_REQUIRED"
    assert [found.id for found in products.results] == [product.pk]
    assert (me.id, me.display_name) == (changed.id, changed.display_name) == (user.pk, "Lovelace")
