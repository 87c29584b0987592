"""The keys of the moderators' page: each has one meaning, and what is grave is armed before it is carried out."""

import re
from collections import defaultdict
from pathlib import Path

from django.conf import settings

from reports.admin.console.choices import CHOICES
from reports.admin.console.pages import KEYS
from reports.models import Action

TEMPLATES = Path(settings.BASE_DIR) / "templates"
SCRIPT = Path(settings.BASE_DIR) / "trustengine/static/trustengine/moderation.js"
BUTTON = re.compile(r"<button\b[^>]*\bdata-key=\"([^\"{]+)\"[^>]*>")
RESTRICTS = {Action.REJECT, Action.HIDE, Action.RESTRICT, Action.REMOVE, Action.WARN, Action.SUSPEND}


def buttons():
    """Every button of the templates that a key of its own presses, as (key, what it sends, its tag)."""
    for path in TEMPLATES.rglob("*.html"):
        for found in BUTTON.finditer(path.read_text()):
            tag = found[0]
            sent = re.search(r'name="(\w+)" value="(\w+)"', tag)
            yield found[1], f"{sent[1]}={sent[2]}" if sent else tag, tag


def steps():
    """The keys of the script itself."""
    table = re.search(r"const keys = \{(.*?)\n  \};", SCRIPT.read_text(), re.DOTALL)[1]
    return re.findall(r'^    (?:"(.)"|(\w+)):', table, re.MULTILINE)


def meanings():
    found = defaultdict(set)
    for choice in CHOICES:
        found[choice.key].add(f"action={choice.action}")
    for key, sent, _ in buttons():
        found[key].add(sent)
    for quoted, plain in steps():
        found[quoted or plain].add("the page's own")
    return found


def test_the_table_reads_what_is_there():
    found = meanings()
    assert len(found) >= len(CHOICES) + 4 + 10
    assert found["y"] == {"settle=approve"}


def test_no_key_has_two_meanings():
    assert {key: meant for key, meant in meanings().items() if len(meant) > 1} == {}


def test_second_approvals_and_rulings_are_armed_first():
    found = list(buttons())
    assert {sent for _, sent, _ in found} == {"settle=approve", "settle=refuse", "ruling=overturn", "ruling=uphold"}
    assert [sent for _, sent, tag in found if "data-arms" not in tag] == []


def test_what_restricts_a_person_is_armed_first():
    """An action without a reason of its own is armed: its button has data-needs-reason."""
    assert {choice.action for choice in CHOICES if not choice.reason} == RESTRICTS


def test_every_key_is_explained():
    explained = {key for key, _ in KEYS}
    assert {key for key in meanings() if key not in explained and key != "Escape"} == set()
