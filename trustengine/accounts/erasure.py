"""What accounts take away of a person: answers, traces of sign-ins, and in the end who they were."""

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Q

from trustengine.accounts.erasing import eraser
from trustengine.accounts.models import (
    Membership,
    Passkey,
    Profile,
    RecoveryCode,
    RefreshFamily,
    SecondFactor,
    User,
    UserSession,
)
from trustengine.api.models import PassedActions, StoredAnswer
from trustengine.identifiers import ERASED_PREFIX
from trustengine.jobs.models import Job

SHORTEST_NAME = 4  # what is shorter stands in any text by chance

NAMED_IN_JOBS = """
    SELECT id FROM jobs_job
    WHERE (error_details IS NOT NULL OR job_result IS NOT NULL) AND EXISTS (
        SELECT FROM unnest(%s::text[]) AS name WHERE strpos(
            lower(concat_ws(' ', error_details ->> 'message', error_details ->> 'traceback', job_result::text)), name
        ) > 0
    )
    ORDER BY id LIMIT %s
"""


@eraser("accounts.answers", order=60)
def forget_answers(user: User, limit: int) -> int:
    """Stored answers to their requests, which may hold what they wrote."""
    ids = StoredAnswer.objects.filter(user=user).order_by("pk").values_list("pk", flat=True)[:limit]
    return StoredAnswer.objects.filter(pk__in=list(ids)).delete()[0]


@eraser("accounts.limits", order=61)
def forget_actions(user: User, limit: int) -> int:
    """When they last did something, kept while Redis was away."""
    PassedActions.objects.filter(caller=str(user.pk)).delete()
    return 0


@eraser("accounts.sign_ins", order=70)
def forget_sign_ins(user: User, limit: int) -> int:
    """Failed attempts with their addresses and browsers, under any name of theirs, and their sessions."""
    names = [name for name in (user.username, user.email, user.subject, user.staff_subject) if name]
    theirs = Q(pk__in=[])
    for name in names:
        theirs |= Q(username__iexact=name)
    for attempts in (AccessAttempt, AccessFailureLog, AccessLog):
        attempts.objects.filter(theirs).delete()
    UserSession.objects.filter(user=user).delete()
    return 0


@eraser("accounts.factors", order=72)
def forget_factors(user: User, limit: int) -> int:
    """Second factors and families of refresh tokens."""
    for rows in (RecoveryCode, Passkey, SecondFactor, RefreshFamily):
        rows.objects.filter(user=user).delete()  # type: ignore[attr-defined]
    User.objects.filter(pk=user.pk).update(has_second_factor=False)
    return 0


@eraser("accounts.jobs", order=75)
def forget_in_jobs(user: User, limit: int) -> int:
    """Errors and results of jobs in which a name of theirs stands."""
    names = {user.subject, user.email, user.username or ""}
    names |= set(Profile.objects.filter(user=user).values_list("display_name", flat=True))
    wanted = sorted(name.lower() for name in names if len(name) >= SHORTEST_NAME)
    if not wanted:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(NAMED_IN_JOBS, [wanted, limit])
        ids = [key for (key,) in cursor.fetchall()]
    jobs = Job.objects.filter(pk__in=ids)
    jobs.exclude(job_result=None).update(job_result=None)
    jobs.exclude(error_details=None).update(error_details={"type": "Erased", "message": "", "traceback": ""})
    return len(ids)


@eraser("accounts.console_log", order=80)
def forget_in_console_log(user: User, limit: int) -> int:
    """The name under which the console's own log speaks of them, as account or as profile."""
    shown = {User: [user.pk], Profile: Profile.objects.filter(user=user).values_list("pk", flat=True)}
    about = Q(pk__in=[])
    for model, ids in shown.items():
        content_type = ContentType.objects.get_for_model(model)
        about |= Q(content_type=content_type, object_id__in=[str(key) for key in ids])
    LogEntry.objects.filter(about).exclude(object_repr="").update(object_repr="", change_message="")
    return 0


@eraser("accounts.identity", order=90)
def forget_identity(user: User, limit: int) -> int:
    """Names, addresses and dates. Last, as what comes before is found by them. The ids stay, and mean nobody."""
    Profile.objects.filter(user=user).exclude(display_name="", import_digest=None).update(
        display_name="", import_digest=None
    )
    Membership.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(
        subject=f"{ERASED_PREFIX}{user.pk}",
        username=None,
        email="",
        of_age_on=None,
        last_login=None,
        import_digest=None,
        tokens_not_before=None,
        staff_subject=None,
        is_active=False,
    )
    return 0
