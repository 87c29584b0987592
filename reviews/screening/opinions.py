"""What the outside moderation model says, where one is asked."""

from collections.abc import Iterator

from reviews.models import ModelOpinion, ReviewRevision
from reviews.screening.catalogue import found
from reviews.screening.signals import Signal


def check(revision: ReviewRevision) -> Iterator[Signal]:
    """Signal ``moderation_model`` for a text that it flags, ``moderation_unavailable`` where it could not be asked.

    What the model does not flag is no signal in the author's favour either.
    """
    opinion = ModelOpinion.objects.filter(revision=revision).first()
    if opinion is None:
        return
    if opinion.state != ModelOpinion.State.ANSWERED:
        sentence = "The moderation model could not be asked in time, so a person decides."
        yield found("moderation_unavailable", sentence, problem=opinion.problem)
    elif opinion.flagged:
        flagged_for = ", ".join(opinion.categories) or "no category that it names"
        scores = {name: opinion.scores[name] for name in opinion.categories if name in opinion.scores}
        sentence = f"The moderation model flags the text: {flagged_for}."
        yield found("moderation_model", sentence, model=opinion.model, scores=scores)
