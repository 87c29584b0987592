import importlib
import os
import stat
import time

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.core.management import CommandError, call_command

from trustengine.mail import outbox
from trustengine.mail.jobs import prune_outbox
from trustengine.settings import mail as mail_settings

LINK = "https://trust.example/invitations/" + "x" * 120


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "trustengine.mail.outbox.OutboxBackend"
    settings.EMAIL_HOST = ""
    return tmp_path


def printed(capsys, *arguments):
    call_command("outbox", *arguments)
    return capsys.readouterr()


def test_a_mail_is_a_file_that_only_its_owner_reads(data_dir):
    send_mail("Grüße", "Café", None, ["ada@shop.example"])

    (file,) = (data_dir / "outbox").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_mail_is_never_logged_or_printed(capfd, caplog):
    send_mail("Invitation", LINK, None, ["ada@shop.example"])

    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_the_command_prints_mails_decoded_and_oldest_first(capsys):
    mail = EmailMultiAlternatives("Grüße", f"Café, mit Link: {LINK}\n", None, ["Ada <ada@shop.example>"])
    mail.attach_alternative("<p>Café</p>", "text/html")
    mail.attach("packing list.csv", "a,b", "text/csv")
    mail.send()
    send_mail("Second", "Two", None, ["bob@shop.example"])

    text = printed(capsys).out

    assert "Subject: Grüße" in text
    assert f"Café, mit Link: {LINK}\n" in text
    assert "<p>" not in text
    assert "[attached: packing list.csv]" in text
    assert text.index("Grüße") < text.index("Second")


def test_the_newest_and_those_to_one_address_are_chosen(capsys):
    for subject, address in [("One", "ada@shop.example"), ("Two", "bob@shop.example"), ("Three", "ada@shop.example")]:
        send_mail(subject, ".", None, [address])

    assert "Subject: Three" in printed(capsys, "--last", "1").out
    to_ada = printed(capsys, "--to", "ADA@shop.example").out
    assert "One" in to_ada
    assert "Two" not in to_ada
    assert "One" not in printed(capsys, "--to", "ada@shop.example", "--last", "1").out


def test_an_empty_outbox_is_said_to_be_empty(capsys, settings):
    assert "No mail to eve@shop.example" in printed(capsys, "--to", "eve@shop.example").err
    settings.EMAIL_HOST = "smtp.shop.example"
    assert "EMAIL_HOST is set" in printed(capsys).err


@pytest.mark.parametrize("number", ["0", "-1", "x", "٣"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(CommandError, match="whole number"):
        call_command("outbox", "--last", number)


def test_mails_go_after_seven_days(data_dir):
    for subject in ("old", "new"):
        send_mail(subject, ".", None, ["ada@shop.example"])
    oldest = min((data_dir / "outbox").iterdir())
    eight_days_ago = time.time() - 8 * 86_400
    os.utime(oldest, (eight_days_ago, eight_days_ago))

    assert prune_outbox() == {"mails": 1}
    assert [mail["subject"] for mail in outbox.mails()] == ["new"]


def test_without_a_mail_server_mails_go_to_the_outbox(monkeypatch):
    monkeypatch.delenv("EMAIL_HOST", raising=False)
    assert importlib.reload(mail_settings).EMAIL_BACKEND == "trustengine.mail.outbox.OutboxBackend"
