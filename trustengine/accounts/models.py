import hashlib
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat, Now
from django.utils.functional import cached_property

from trustengine.accounts.sign_in_models import Passkey, RecoveryCode, RefreshFamily, SecondFactor, UserSession
from trustengine.audit.services import record
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now, database_today
from trustengine.identifiers import ERASED_PREFIX, canonical_subject, is_reserved_subject, uuid7

__all__ = [
    "SERVICE_PERMISSIONS",
    "ErasedSubject",
    "Erasure",
    "Membership",
    "Passkey",
    "Profile",
    "ProfileQuerySet",
    "RecoveryCode",
    "RefreshFamily",
    "SecondFactor",
    "User",
    "UserManager",
    "UserSession",
    "refuse_reserved",
]

# Rights of machines rather than of staff: the group Services may also come by the identity provider's token.
SERVICE_PERMISSIONS = frozenset({"accounts.record_usage"})


def refuse_reserved(name: str) -> None:
    """Validate that a name is none that only this system gives. Raises ValidationError."""
    if is_reserved_subject(name):
        raise ValidationError(f"Names that begin with “{ERASED_PREFIX}” are reserved for people who were erased.")


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """A user who signs in here, with a password of their own. Called as Django's own manager is."""
        user = self.model(username=username, email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """A user with every right, and the audit entry of that."""
        with transaction.atomic(using=self._db):
            user = self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)
            record("user.created", user, after={"is_staff": True, "is_superuser": True}, reason="superuser_command")
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or a service, known by the subject of the tokens they bring.

    A user is not a profile: what they may act for is a ``Membership``. The id is never
    compared with a profile's.

    Whether somebody may do what staff does is asked by ``has_perm`` alone, never by
    ``is_staff`` or ``is_superuser``: see ``has_staff_rights``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject = models.CharField(
        max_length=255,
        unique=True,
        validators=[MinLengthValidator(1)],
        help_text="The identity provider's “sub”.",
    )
    username = models.CharField(
        max_length=150,
        unique=True,
        null=True,
        blank=True,
        validators=[refuse_reserved],
        help_text="For signing in here.",
    )
    email = models.EmailField(blank=True, default="")
    is_staff = models.BooleanField(default=False, help_text="May open the admin site.")
    is_active = models.BooleanField(default=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    of_age_on = models.DateField(
        null=True,
        blank=True,
        help_text="The day the minimum age is reached, where known.",
    )
    wants_order_updates = models.BooleanField(default=True, help_text="E-mails about their orders.")
    wants_review_invitations = models.BooleanField(default=True, help_text="Invitations to review what arrived.")
    date_joined = models.DateTimeField(db_default=Now())  # Django makes users without a database, to check the model
    tokens_not_before = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the subject's former holder was erased: outside tokens from before are refused.",
    )
    import_digest = models.BinaryField(null=True, editable=False)
    staff_subject = models.CharField(
        max_length=255,
        unique=True,
        null=True,
        blank=True,
        validators=[refuse_reserved],
        help_text="The “sub” by which the identity provider of staff signs this person in to the console.",
    )
    has_second_factor = models.BooleanField(default=False, editable=False)
    sign_in_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="Own tokens and sessions of earlier generations are refused."
    )

    # False on the user of a request that came by an outside token: staff rights are not the
    # identity provider's to give, neither by a claim nor by naming a subject that has them here.
    has_staff_rights = True

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(subject=""), name="user_has_subject"),
            models.CheckConstraint(
                condition=~Q(subject__istartswith=ERASED_PREFIX)
                | Q(subject=Concat(Value(ERASED_PREFIX), Cast("id", models.TextField()))),
                name="user_subject_not_reserved",
            ),
        ]
        permissions = [
            ("record_usage", "May report usage events"),
            ("see_identities", "May see who reported and who wrote"),
            ("suspend_user", "May suspend and reinstate users"),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.__dict__.get("subject") == "":  # an account made here is its own subject; deferred, it has one
            self.subject = str(self.pk)

    def __str__(self) -> str:
        return self.username or f"user {str(self.pk)[-8:]}"

    def get_username(self) -> str:
        """Name the user; pages of Django and of unfold expect a text where there is none."""
        return str(self)

    def clean(self) -> None:
        name = self.username
        super().clean()
        # Django's would make a user name of the label that ``get_username`` gives somebody without one.
        self.username = self.normalize_username(name) if name else None
        self.subject = canonical_subject(self.subject)
        if self.subject != f"{ERASED_PREFIX}{self.pk}":
            refuse_reserved(self.subject)
        self.staff_subject = self.staff_subject or None

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        if self.is_suspended:
            return False
        return (self.has_staff_rights or perm in SERVICE_PERMISSIONS) and super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_staff_rights and not self.is_suspended and super().has_module_perms(app_label)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        if self.is_suspended:
            return set()
        every = super().get_all_permissions(obj)
        return every if self.has_staff_rights else every & SERVICE_PERMISSIONS

    @cached_property
    def is_second_factor_enforced(self) -> bool:
        """Whether this person may open nothing of staff's without a second factor; asked of the database once."""
        if settings.SECOND_FACTOR_STAFF and (self.is_staff or self.is_superuser):
            return True
        groups = settings.SECOND_FACTOR_GROUPS
        return bool(groups) and self.groups.filter(name__in=groups).exists()

    @property
    def needs_second_factor(self) -> bool:
        return self.has_second_factor or self.is_second_factor_enforced

    def get_session_auth_hash(self) -> str:
        """Digest what a session depends on: the password, and the generation once there was a sign-out everywhere."""
        return self._of_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for digest in super().get_session_auth_fallback_hash():
            yield self._of_generation(digest)

    def _of_generation(self, digest: str) -> str:
        generation = self.sign_in_generation
        return hashlib.sha256(f"{generation}:{digest}".encode()).hexdigest() if generation else digest

    @property
    def acts_as_superuser(self) -> bool:
        """Whether they may touch accounts of staff: superusers who are signed in here and not suspended."""
        return self.is_superuser and self.is_active and self.has_staff_rights and not self.is_suspended

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    @property
    def is_under_age(self) -> bool:
        """Whether the minimum age is known not to be reached."""
        return self.of_age_on is not None and self.of_age_on > database_today()


class ProfileQuerySet(models.QuerySet["Profile"]):
    def vendors(self) -> Self:
        return self.filter(kind=Profile.Kind.VENDOR)

    def of(self, user: User, *roles: str) -> Self:
        """Profiles that a user may act for, in one of the given roles or in any."""
        memberships = Membership.objects.filter(user=user, profile=models.OuterRef("pk"))
        return self.filter(models.Exists(memberships.filter(role__in=roles) if roles else memberships))


class Profile(models.Model):
    """Who acts in the marketplace: a customer or a vendor."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        VENDOR = "vendor"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    display_name = NormalisedCharField(max_length=120, blank=True, default="")
    user = models.OneToOneField(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="customer_profile",
        help_text="Whose customer profile this is.",
    )
    members = models.ManyToManyField(User, through="Membership", related_name="profiles")
    created_at = models.DateTimeField(default=database_now)
    import_digest = models.BinaryField(null=True, editable=False)

    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="customer", user__isnull=False) | Q(kind="vendor", user=None),
                name="profile_customer_has_user",
            )
        ]

    def __str__(self) -> str:
        return self.display_name or f"{self.kind} {str(self.pk)[-8:]}"


class Membership(models.Model):
    """A user may act for a profile, in a role."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MANAGER = "manager"
        VIEWER = "viewer"

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=7, choices=Role)
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [models.UniqueConstraint("user", "profile", name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.profile} · {self.role}"


class Erasure(models.Model):
    """That a person asked to be forgotten, and how far this has come. Their account is closed from its first commit.

    ``progress`` is written in the transaction of the batch that it tells of, so that
    whenever the process dies, it says exactly what has been done.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(User, models.PROTECT, related_name="erasure")
    requested_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person themselves or an operator; empty for a command.",
    )
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    progress = models.JSONField(default=dict, help_text="Of each step begun: the rows so far, and whether it is done.")
    problem = models.CharField(max_length=200, blank=True, default="", help_text="The step that failed, and the error.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    requested_at = models.DateTimeField(default=database_now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("erase_user", "May erase users")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="done", finished_at__isnull=False) | (~Q(state="done") & Q(finished_at=None)),
                name="erasure_done_has_time",
            )
        ]
        indexes = [
            models.Index(fields=["-requested_at", "-id"], name="erasure_newest"),
            models.Index(fields=["requested_at"], condition=~Q(state="done"), name="erasure_open"),
        ]

    def __str__(self) -> str:
        return f"erasure {str(self.pk)[-8:]}"


class SuspensionProposal(models.Model):
    """That a user is to be suspended, or reinstated: another person than the proposer approves or refuses it."""

    class Action(models.TextChoices):
        SUSPEND = "suspend"
        REINSTATE = "reinstate"

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="suspension_proposals")
    action = models.CharField(max_length=9, choices=Action)
    reason = models.CharField(max_length=50, help_text="A code.")
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("user", condition=Q(state="open"), name="suspension_one_open_per_user"),
            models.CheckConstraint(
                condition=Q(state="open", settled_by=None, settled_at=None)
                | Q(state__in=["approved", "refused"], settled_by__isnull=False, settled_at__isnull=False)
                & ~Q(settled_by=models.F("proposed_by"))
                | Q(state="withdrawn", settled_at__isnull=False),
                name="suspension_second_person",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="suspension_newest")]

    def __str__(self) -> str:
        return f"{self.action} {str(self.user_id)[-8:]}"


class ErasedSubject(models.Model):
    """A keyed digest of the subject of somebody erased: it recognises them, and names nobody.

    It keeps tokens from before the erasure, and a marketplace's files, from bringing them
    back. Without a link to the user: what is left of them stays nobody's.
    """

    digest = models.CharField(primary_key=True, max_length=64)
    erased_at = models.DateTimeField(default=database_now)

    def __str__(self) -> str:
        return f"{self.digest[:8]}…"
