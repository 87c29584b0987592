"""The API document is what clients are built from: complete, valid, and true to itself."""

import os
import shutil
import subprocess

import pytest
from django.conf import settings
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import _load_enum_name_overrides
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from trustengine.testing import api_client_for


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def operations(schema):
    """Each operation by its method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid_openapi_3_1_without_warnings():
    GENERATOR_STATS.reset()
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)

    assert schema["openapi"].startswith("3.1")
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_the_command_writes_it_without_a_warning(tmp_path):
    GENERATOR_STATS.reset()
    _load_enum_name_overrides.cache_clear()  # it complains once in a process
    call_command("spectacular", file=str(tmp_path / "schema.yml"), validate=True, fail_on_warn=True)


@pytest.mark.parametrize(
    ("linter", "options"),
    [
        ("redocly", ["lint", "--config", ".ci/redocly.yaml", "--max-problems", "1000"]),
        ("spectral", ["lint", "--ruleset", ".ci/spectral.yaml", "--fail-severity", "warn"]),
    ],
)
def test_linters_of_openapi_find_nothing(tmp_path, linter, options):
    if not (command := shutil.which(linter)):
        pytest.skip(f"{linter} is not installed; .ci/run installs it where npm is")
    file = tmp_path / "schema.yml"
    call_command("spectacular", file=str(file))
    quiet = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

    done = subprocess.run(
        [command, *options, str(file)],
        cwd=settings.BASE_DIR,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout


def test_it_names_its_licence_and_its_server(schema):
    assert schema["info"]["license"]["identifier"] == "Apache-2.0"
    assert schema["servers"] == [{"url": "/", "description": "The server that answered with this document"}]


@pytest.mark.django_db
def test_schema_and_documentation_are_served_from_here():
    client = api_client_for()

    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"//cdn" not in page.content
    assert b"https://" not in page.content


def test_every_operation_has_a_name_a_summary_and_the_tag_of_its_app(schema, operations):
    names = [operation["operationId"] for operation in operations.values()]

    assert len(set(names)) == len(names) > 20
    tags = {tag["name"] for tag in schema["tags"]}
    for about in operations.values():
        assert about["summary"]
        assert not about["summary"].endswith(".")
        assert set(about["tags"]) <= tags
    assert {about["tags"][0] for about in operations.values()} == tags


def test_every_body_and_every_answer_has_an_example_that_its_schema_takes(schema, operations):
    for name, operation in operations.items():
        contents = {"request": operation["requestBody"]} if "requestBody" in operation else {}
        contents |= operation["responses"]
        assert any(status.startswith("2") for status in contents), name
        for place, content in contents.items():
            for media in content.get("content", {}).values():
                assert media.get("examples"), f"{name} shows no example of {place}"
                validator = Draft202012Validator(media["schema"] | {"components": schema["components"]})
                for shown in media["examples"].values():
                    assert not list(validator.iter_errors(shown["value"])), f"{name}, {place}"
            assert place in {"204", "304"} or content["content"], name


def test_every_refusal_is_a_problem_whose_examples_are_its_codes(operations):
    for operation in operations.values():
        for status, answer in operation["responses"].items():
            if status < "4":
                continue
            (media,) = answer["content"]
            assert media == "application/problem+json"
            for code, shown in answer["content"][media]["examples"].items():
                assert (shown["value"]["code"], str(shown["value"]["status"])) == (code, status)
                assert code in answer["description"]


def test_waits_are_announced(operations):
    for operation in operations.values():
        for status in {"429", "503"} & set(operation["responses"]):
            assert "Retry-After" in operation["responses"][status]["headers"]


def test_keys_are_documented_where_they_are_taken(operations):
    def takes_key(operation):
        return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))

    unsafe = {name for name in operations if not name.startswith("GET")}
    anonymous = {
        "POST /api/v1/auth/token/",
        "POST /api/v1/auth/token/refresh/",
        "POST /api/v1/auth/token/revoke/",
        "POST /api/v1/webhooks/stripe/",
    }

    assert {name for name, operation in operations.items() if takes_key(operation)} == unsafe - anonymous
    for name in unsafe - anonymous:
        assert {"409", "422"} <= set(operations[name]["responses"])
    assert "422" not in operations["GET /api/v1/products/"]["responses"]


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("GET /api/v1/me/", "200 401 406 429 503"),
        ("GET /api/v1/products/", "200 304 400 401 406 429 503"),
        ("GET /api/v1/reviews/{id}/", "200 304 401 404 406 410 429 503"),
        ("POST /api/v1/auth/token/", "200 400 401 406 413 415 429 503"),
        ("PUT /api/v1/reviews/{id}/vote/", "200 400 401 403 404 406 409 410 413 415 422 429 503"),
        ("DELETE /api/v1/reviews/{id}/", "204 400 401 403 404 406 409 410 413 415 422 429 503"),
    ],
)
def test_an_operation_documents_the_statuses_that_it_can_answer_and_no_other(operations, name, statuses):
    assert sorted(operations[name]["responses"]) == statuses.split()


def test_the_codes_of_the_contract_stand_where_they_can_be_met(operations):
    refusals = operations["POST /api/v1/reviews/"]["responses"]
    codes = {
        status: set(answer["content"]["application/problem+json"]["examples"])
        for status, answer in refusals.items()
        if status >= "4"
    }

    assert codes["400"] == {"INVALID_INPUT", "INVALID_RATING"}
    assert codes["401"] == {"AUTH_REQUIRED", "TOKEN_INVALID"}
    assert codes["403"] == {"PURCHASE_NOT_VERIFIED", "CONFLICT_OF_INTEREST", "ACCOUNT_SUSPENDED", "AGE_RESTRICTED"}
    assert codes["503"] == {"TRY_AGAIN", "READ_ONLY_MODE"}
