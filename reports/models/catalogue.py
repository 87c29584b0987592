"""The reasons that reports and decisions name: an editable catalogue of fixed codes."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from trustengine.database.fields import NormalisedCharField, NormalisedTextField


class ReasonCode(models.Model):
    """Why content is reported or decided on. Its texts go into statements of reasons; its code stays.

    ``severity`` is 1 (a matter of taste) to 10 (somebody may come to harm), and weighs a
    case. ``ground`` says what a decision for this reason rests on.
    """

    class Ground(models.TextChoices):
        TERMS = "terms", "Against the marketplace's terms"
        ILLEGAL = "illegal", "Against the law"
        NONE = "none", "No violation"

    code = models.SlugField(primary_key=True, max_length=40)
    label = NormalisedCharField(max_length=80, help_text="For moderators and reporters.")
    policy = NormalisedTextField(help_text="What the author is told: which rule, in plain words.")
    ground = models.CharField(max_length=7, choices=Ground)
    legal_basis = NormalisedCharField(max_length=200, blank=True, default="", help_text="The law, where there is one.")
    severity = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(10)], help_text="1 to 10; weighs a case."
    )
    for_reports = models.BooleanField(default=False, help_text="May be named in reports.")
    is_active = models.BooleanField(default=True, help_text="May be named in new decisions.")
    position = models.PositiveSmallIntegerField(default=100, help_text="Where it stands in lists.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "code"]
        constraints = [models.CheckConstraint(condition=Q(severity__range=(1, 10)), name="reason_severity_1_to_10")]

    def __str__(self) -> str:
        return self.label
