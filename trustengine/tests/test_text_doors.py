"""Walks every door through which text comes in: columns, serializers, forms, import files and lists."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.db import models
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from orders.models import Product
from orders.tests.factories import ProductFactory
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.models import Profile
from trustengine.accounts.names import presentable
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.api.fields import NormalisedText
from trustengine.database import fields as columns
from trustengine.forms import NormalisedCharField
from trustengine.operations.importing.importer import importers
from trustengine.testing import api_client_for

OURS = ("trustengine", "orders", "billing", "reviews", "reports", "metrics")
RAW = "\u202ecafe\u0301\ufeff bar\r\n\u200b"
STORED = "café bar"

# Columns that programs write and read: keys, codes, digests, names of files, states without a closed set, and what
# is signed or compared byte by byte. A new column is added here, or is one of the normalised ones if people write it.
MACHINE = {
    "digest", "sha256", "ip_hash", "agent_hash", "fingerprint", "name", "file", "key", "kind", "state", "path", "body",
    "caller", "currency", "content_type", "content", "secret", "provider", "endpoint", "source", "event_id", "type",
    "payment_intent_id", "provider_refund_id", "occasion", "outcome", "failure", "problem", "reason", "code", "model",
    "client_request_id",
    "removal_reason", "removal_ground", "signal", "folded", "verb", "object_type", "object_id", "request_id", "export",
    "schedule", "command", "target", "who", "process", "position", "subject", "username", "password", "email", "id",
    "destination", "limit", "staff_subject", "totp_secret", "newest",
    "session_key", "session_data",  # drawn, and signed by the session store
}  # fmt: skip
WRITTEN_BY_PEOPLE = {"title", "comment", "description", "text", "note", "facts", "label", "policy", "display_name"}
# Inputs that are compared byte by byte, or that are refused rather than mended; each is tested beside its view.
RAW_INPUTS = {
    "Credentials.username", "Credentials.password", "Credentials.otp", "RefreshInput.refresh",
    "EventInput.id", "EventInput.type",
    "MeChanges.display_name", "TransitionInput.tracking_number", "DecisionInput.reason_code", "ReportInput.reason",
    "LookBackInput.reason",
}  # fmt: skip
# Of programs; passwords are taken as they are; the subject is the identity provider's, compared byte by byte.
RAW_FORM_FIELDS = {
    "code", "reason", "username", "password", "password1", "password2", "provider", "endpoint", "staff_subject",
}  # fmt: skip


def text_columns() -> Iterator[tuple[str, Any]]:
    for model in apps.get_models():
        if model.__module__.startswith(OURS):
            for field in model._meta.concrete_fields:
                if isinstance(field, models.CharField | models.TextField) and not field.choices:
                    yield f"{model._meta.label}.{field.name}", field


def test_every_column_of_peoples_text_stores_the_one_form():
    plain = {
        label: field
        for label, field in text_columns()
        if not isinstance(field, columns.NormalisedCharField | columns.NormalisedTextField)
    }

    assert [label for label, field in plain.items() if field.name in WRITTEN_BY_PEOPLE] == []
    assert [label for label, field in plain.items() if field.name not in MACHINE] == []
    for _, field in set(text_columns()) - set(plain.items()):
        assert field.get_prep_value(RAW) == STORED
        assert field.get_lookup("icontains")(models.F(field.name), RAW).rhs is not None


def requests() -> Iterator[Any]:
    """The serializer of each request body of the API."""
    generator = SchemaGenerator()
    generator.get_schema(request=None, public=True)
    for _, _, method, view in generator._get_paths_and_endpoints():
        if method in {"POST", "PUT", "PATCH"}:
            view.schema.method, view.schema.view = method, view
            found = view.schema.get_request_serializer()
            found = found() if isinstance(found, type) else found
            if isinstance(found, serializers.BaseSerializer):
                yield found


def text_inputs(serializer: Any) -> Iterator[tuple[str, Any]]:
    serializer = getattr(serializer, "child", serializer)
    for name, field in getattr(serializer, "fields", {}).items():
        if isinstance(field, serializers.BaseSerializer):
            yield from text_inputs(field)
        elif not field.read_only and isinstance(field, serializers.CharField):
            yield f"{type(serializer).__name__}.{name}", field


@pytest.mark.django_db
def test_every_text_that_the_api_takes_is_normalised():
    inputs = {name: field for serializer in requests() for name, field in text_inputs(serializer)}
    matched = (serializers.RegexField, serializers.EmailField, serializers.SlugField, serializers.URLField)
    plain = {name for name, field in inputs.items() if not isinstance(field, (NormalisedText, *matched))}

    assert plain - RAW_INPUTS == set()
    texts = [field for field in inputs.values() if isinstance(field, NormalisedText)]
    assert len(texts) > 8
    for field in texts:
        assert field.run_validation(RAW) == STORED
        for refused in ("a\x00b", "half \ud800", *(() if field.allow_blank else ("\u2800\u3164\u200b",))):
            with pytest.raises(serializers.ValidationError):
                field.run_validation(refused)


def form_classes() -> Iterator[type[forms.BaseForm]]:
    admin.site.get_urls()
    waiting = [forms.BaseForm]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.startswith(OURS) and "tests" not in kind.__module__:
            yield kind


@pytest.mark.django_db
def test_every_text_that_a_form_takes_is_normalised():
    taken = 0
    for form in form_classes():
        for name, field in {**getattr(form, "declared_fields", {}), **getattr(form, "base_fields", {})}.items():
            if isinstance(field, forms.CharField) and type(field) in {forms.CharField, NormalisedCharField}:
                taken += 1
                assert isinstance(field, NormalisedCharField) or name in RAW_FORM_FIELDS, f"{form.__name__}.{name}"
                if isinstance(field, NormalisedCharField):
                    assert field.clean(RAW) == STORED
                    with pytest.raises(forms.ValidationError):
                        field.clean("a\x00b")
    assert taken > 5


@pytest.mark.django_db
def test_every_text_of_an_import_file_is_normalised():
    taken = []
    for kind in importers():
        for column in kind.columns:
            try:
                taken.append(column.parse(RAW))
            except ValueError:
                continue
    assert taken
    assert set(taken) == {STORED}


def test_names_are_normalised():
    assert presentable(RAW) == STORED
    assert presentable("\u2800\u3164") == ""


@pytest.mark.django_db
def test_what_is_stored_and_what_is_searched_meet_in_one_spelling():
    written = ProductFactory(title="Cafe\u0301 \u202etable")
    assert (written.title, Product.objects.get().title) == ("Café table", "Café table")
    Product.objects.filter(title__startswith="Cafe\u0301").update(description="Tre\u0301s bon\r\n")
    assert Product.objects.get().description == "Trés bon"
    Profile.objects.bulk_create([Profile(kind="vendor", display_name="Cafe\u0301 Noir\ufeff")])
    assert Profile.objects.filter(display_name__iexact="café noir").exists()

    client = api_client_for()
    for word in ("café", "cafe\u0301", "CAFE\u0301", "\u202etable", "ta\u200bble"):
        found = client.get("/api/v1/products/", {"search": word}).json()["results"]
        assert [row["title"] for row in found] == ["Café table"], word


@pytest.mark.django_db
def test_console_lists_find_text_in_every_spelling(client):
    review = approved_review(delivered_purchase(), comment="Un cafe\u0301 parfait")
    client.force_login(StaffFactory(is_superuser=True))

    for spelling in ("café", "cafe\u0301"):
        page = client.get("/admin/reviews/review/", {"q": spelling})
        assert str(review.pk) in page.content.decode()
