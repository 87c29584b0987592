"""Words that an operator does not want, in whatever disguise.

Terms are compared word by word: "class" holds no shorter word. Linear in the length of
the text, whatever the number of terms.
"""

from collections.abc import Iterable, Iterator

from reviews.folding import SPELLED_OUT, disguised
from reviews.models import DenyTerm
from reviews.screening.catalogue import found
from reviews.screening.signals import Signal, Submission

MOST_WORDS = 8  # of one term
Terms = dict[tuple[str, ...], tuple[str, str, str]]


def check(submission: Submission) -> Iterator[Signal]:
    """Signals ``deny_list`` and ``deny_list_block``; which terms, the data says by their ids."""
    rows = DenyTerm.objects.active().order_by("pk").values_list("pk", "folded", "action", "reason")
    terms = {tuple(folded.split()): (str(pk), action, reason) for pk, folded, action, reason in rows}
    hits = find(submission.candidate.text, terms) if terms else []
    queued = [hit for hit in hits if hit[1] == DenyTerm.Action.QUEUE]
    blocked = [hit for hit in hits if hit[1] == DenyTerm.Action.BLOCK]
    if queued:
        yield found("deny_list", f"The text contains {_terms(queued)} of the deny list.", terms=_ids(queued))
    if blocked:
        sentence = f"The text contains {_terms(blocked)} that the deny list blocks."
        yield found("deny_list_block", sentence, terms=_ids(blocked), reason=blocked[0][2])


def find(text: str, terms: Terms) -> list[tuple[str, str, str]]:
    """The terms that a text contains, each once, in the order of their first appearance."""
    read = disguised(text)
    longest = min(MOST_WORDS, max(map(len, terms), default=0))
    hits: dict[tuple[str, str, str], None] = {}
    for sequence in (read.words, read.chunks):
        for at in range(len(sequence)):
            for length in range(1, longest + 1):
                if (hit := terms.get(tuple(sequence[at : at + length]))) is not None:
                    hits[hit] = None
    lengths = sorted({len(words[0]) for words in terms if len(words) == 1 and len(words[0]) >= SPELLED_OUT})
    for run in read.runs:
        for at in range(len(run)):
            for length in lengths:
                if (hit := terms.get((run[at : at + length],))) is not None:
                    hits[hit] = None
    return list(hits)


def _terms(hits: Iterable[object]) -> str:
    number = len(list(hits))
    return "a term" if number == 1 else f"{number} terms"


def _ids(hits: Iterable[tuple[str, str, str]]) -> list[str]:
    return [pk for pk, _, _ in hits]
