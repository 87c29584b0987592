from django.db import models
from django.db.models import Q

from reports.models.case import Case, ContentType
from reports.models.catalogue import ReasonCode
from trustengine.accounts.models import User
from trustengine.audit.models import append_only
from trustengine.database.fields import NormalisedTextField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class Action(models.TextChoices):
    """What a moderator or a rule may do. ``undo`` and ``overturn`` come by ways of their own."""

    APPROVE = "approve"
    REJECT = "reject"
    HIDE = "hide"
    RESTORE = "restore"
    REMOVE = "remove"
    RESTRICT = "restrict"
    DISMISS = "dismiss"
    WARN = "warn"
    SUSPEND = "suspend"
    UNDO = "undo"
    OVERTURN = "overturn"


class Decision(models.Model):
    """What was decided about a piece of content, by whom and why. Never changed, never removed.

    A later change of mind is another decision that supersedes this one. ``before`` and
    ``after`` hold states and numbers, no text, and are what an undo puts back.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="decisions")
    content_type = models.CharField(max_length=7, choices=ContentType)
    content_id = models.UUIDField()
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", help_text="Whose content it is.")
    action = models.CharField(max_length=8, choices=Action)
    reason = models.ForeignKey(ReasonCode, models.PROTECT, related_name="+")
    automated = models.BooleanField(default=False)
    moderator = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, related_name="superseded_by")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=database_now)
    notice_after = models.DateTimeField(help_text="When the time for undoing is over, and notices leave.")

    class Meta:
        triggers = append_only()
        constraints = [
            models.CheckConstraint(
                condition=Q(automated=True, moderator=None) | Q(automated=False, moderator__isnull=False),
                name="decision_by_a_rule_or_a_person",
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="decision_newest"),
            models.Index(fields=["content_type", "content_id", "-created_at"], name="decision_of_content"),
            models.Index(fields=["author", "-created_at", "-id"], name="decision_on_author"),
            models.Index(fields=["notice_after"], name="decision_notice"),
        ]

    def __str__(self) -> str:
        return f"{self.action}, {self.reason_id}"


class DecisionText(models.Model):
    """What a moderator wrote about a decision: apart from it, because erasure and corrections may reach texts."""

    decision = models.OneToOneField(Decision, models.PROTECT, primary_key=True, related_name="text")
    note = NormalisedTextField(max_length=2_000, blank=True, default="", help_text="For moderators.")
    facts = NormalisedTextField(max_length=2_000, blank=True, default="", help_text="Told to the author.")

    def __str__(self) -> str:
        return f"text of {self.decision_id}"


class StatementOfReasons(models.Model):
    """What somebody was told about a decision, as it was told (DSA art. 17): made when the time for undoing is over."""

    class Role(models.TextChoices):
        AUTHOR = "author"
        REPORTER = "reporter"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="statements")
    recipient = models.ForeignKey(User, models.PROTECT, related_name="statements")
    role = models.CharField(max_length=8, choices=Role)
    text = NormalisedTextField()
    about = models.JSONField(default=dict, help_text="Which text, with its first words; emptied with its author.")
    created_at = models.DateTimeField(default=database_now)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "statements of reasons"
        constraints = [models.UniqueConstraint("decision", "recipient", "role", name="statement_once")]
        indexes = [models.Index(fields=["recipient", "-created_at", "-id"], name="statement_of_recipient")]

    def __str__(self) -> str:
        return f"statement {str(self.pk)[-8:]}"


class Proposal(models.Model):
    """A decision that needs a second person: a suspension, a removal on legal grounds, or taking one of them back.

    ``undoes`` is the decision that it takes back; ``appeal`` the one that is ruled on by it.
    """

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="proposals")
    case_version = models.PositiveIntegerField()
    action = models.CharField(max_length=8, choices=Action)
    reason = models.ForeignKey(ReasonCode, models.PROTECT, related_name="+")
    note = NormalisedTextField(max_length=2_000, blank=True, default="")
    facts = NormalisedTextField(max_length=2_000, blank=True, default="")
    undoes = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="undo_proposals")
    appeal = models.ForeignKey("reports.Appeal", models.PROTECT, null=True, blank=True, related_name="proposals")
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)
    decision = models.OneToOneField(Decision, models.PROTECT, null=True, blank=True, related_name="proposal")
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [
            models.UniqueConstraint("case", condition=Q(state="open"), name="proposal_one_open_per_case"),
            models.CheckConstraint(
                condition=Q(settled_by=None) | ~Q(settled_by=models.F("proposed_by")), name="proposal_second_person"
            ),
            models.CheckConstraint(
                condition=Q(action__in=["undo", "overturn"], undoes__isnull=False)
                | ~Q(action__in=["undo", "overturn"]) & Q(undoes=None, appeal=None),
                name="proposal_takes_back_a_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"proposal to {self.action}"


class Appeal(models.Model):
    """An author or a reporter asks for another look at a decision: once each, decided by somebody else."""

    class State(models.TextChoices):
        PENDING = "pending"
        UPHELD = "upheld"
        OVERTURNED = "overturned"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="appeals")
    case = models.ForeignKey(Case, models.PROTECT, related_name="appeals")
    appellant = models.ForeignKey(User, models.PROTECT, related_name="appeals")
    role = models.CharField(max_length=8, choices=StatementOfReasons.Role)
    text = NormalisedTextField(max_length=5_000)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    ruling_text = NormalisedTextField(max_length=5_000, blank=True, default="")
    ruled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ruled_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="When its appellant was told that it failed.")
    ruling = models.OneToOneField(Decision, models.PROTECT, null=True, blank=True, related_name="ruled_appeal")
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [
            models.UniqueConstraint("decision", "appellant", name="appeal_once"),
            models.CheckConstraint(
                condition=Q(state="pending", ruled_at=None) | (~Q(state="pending") & Q(ruled_at__isnull=False)),
                name="appeal_ruled_or_pending",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], condition=Q(state="pending"), name="appeal_pending"),
            models.Index(fields=["created_at"], name="appeal_made"),
            models.Index(fields=["ruled_at"], condition=Q(ruled_at__isnull=False), name="appeal_ruled"),
        ]

    def __str__(self) -> str:
        return f"appeal {str(self.pk)[-8:]}"
