"""The console's pages of moderation, as tests ask for them."""

from django.contrib.messages import get_messages
from django.urls import reverse

from reports.tests.factories import decided, reported
from reviews.models import Review


def listing(name):
    return reverse(f"admin:reports_{name}_changelist")


def page(row):
    return reverse(f"admin:reports_{row._meta.model_name}_change", args=[row.pk])


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def found(client, name, **query):
    answer = client.get(listing(name), query)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


def said(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def in_bulk(client, action, *rows, seen=True, **fields):
    seen_versions = {f"seen_{row.pk}": getattr(row, "version", "") for row in rows} if seen else {}
    given = {"action": action, "_selected_action": [row.pk for row in rows], **seen_versions, **fields}
    return client.post(listing(rows[0]._meta.model_name), given)


def hidden(by=None, facts="It insults a person."):
    return decided(reported(reason="offensive").case, "hide", "offensive", by, facts=facts)


def author_of(decision):
    return Review.objects.get(pk=decision.content_id).author
