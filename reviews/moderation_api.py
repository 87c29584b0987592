"""Asking an outside model about a text, as OpenAI's moderation endpoint is asked; many servers speak the same.

``POST {MODERATION_API_URL}/moderations`` with ``{"model", "input"}``, answered by
``{"results": [{"flagged", "categories", "category_scores"}], "usage"?}``. The text is all
that is sent: no ids, no names. Nothing that is answered is believed before it has been
looked at, and redirects are not followed, for they would carry the key elsewhere.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

from django.conf import settings

from trustengine.database_time import database_now
from trustengine.http_client import CutShort, TooLong, exchange

MAX_BYTES = 1_000_000
MOST_CATEGORIES = 50
CATEGORY = re.compile(r"[\w][\w /.-]{0,59}", re.ASCII)
CHARACTERS_PER_TOKEN = 4  # of English, roughly; only an estimate until the answer tells
WAIT_SECONDS, LONGEST_WAIT_SECONDS = 10, 3_600
LARGEST_USAGE = 1_000_000
PASSING = {408, 425}  # beside all that begin with 5: the same request may be answered later


class Throttled(Exception):
    """The provider asks to be left alone for ``seconds``."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"for {seconds} s")


class Away(Exception):
    """There was no answer, and there may be one later. ``problem`` is a code for people who look into it."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class Unusable(Away):
    """There was an answer that is of no use, and would be the same again."""


@dataclass(frozen=True)
class Opinion:
    """What the model says: whether it flags the text, for what, and how sure it is (0 to 1) of each category.

    ``tokens`` is what the provider says it has used; None if it does not say.
    """

    flagged: bool
    categories: list[str]
    scores: dict[str, float]
    tokens: int | None


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has; at least one."""
    return max(math.ceil(len(text) / CHARACTERS_PER_TOKEN), 1)


def ask(text: str, *, timeout: float) -> Opinion:
    """Ask about one text. Connecting, the answer's head and its body each take ``timeout`` seconds at most.

    Raises Throttled, Away, Unusable.
    """
    body = json.dumps({"model": settings.MODERATION_API_MODEL, "input": text}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.MODERATION_API_KEY:
        headers["Authorization"] = f"Bearer {settings.MODERATION_API_KEY}"
    request = Request(f"{settings.MODERATION_API_URL}/moderations", data=body, headers=headers, method="POST")
    try:
        answer = exchange(request, timeout=timeout, max_bytes=MAX_BYTES)
    except HTTPError as error:
        with error:
            raise _refusal(error) from error
    except TooLong as error:
        raise Unusable("too_long") from error
    except CutShort as error:
        raise Away("cut_short") from error
    except TimeoutError as error:
        raise Away("timeout") from error
    except (OSError, HTTPException) as error:
        is_slow = isinstance(getattr(error, "reason", None), TimeoutError)
        raise Away("timeout" if is_slow else "unreachable") from error
    try:
        return _opinion(json.loads(answer))
    except (ValueError, RecursionError) as error:
        raise Unusable("not_json") from error


def _refusal(error: HTTPError) -> Exception:
    wait = error.headers.get("Retry-After", "")
    if error.code == 429 or (error.code == 503 and wait):
        return Throttled(_seconds(wait))
    if error.code >= 500 or error.code in PASSING:
        return Away(f"http_{error.code}")
    return Unusable(f"http_{error.code}")


def _seconds(wait: str) -> int:
    """What ``Retry-After`` says, in seconds or as a date; within reason, for strangers write it."""
    try:
        seconds = int(wait)
    except ValueError:
        try:
            seconds = math.ceil((parsedate_to_datetime(wait) - database_now()).total_seconds())
        except (ValueError, TypeError):
            seconds = WAIT_SECONDS
    return min(max(seconds, 1), LONGEST_WAIT_SECONDS)


def _opinion(document: Any) -> Opinion:
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not results:
        raise Unusable("no_results")
    flagged, categories, scores = False, set(), dict[str, float]()
    for result in results:
        if not isinstance(result, dict) or not isinstance(result.get("flagged"), bool):
            raise Unusable("no_results")
        flagged |= result["flagged"]
        categories |= {name for name, is_so in _members(result, "categories") if is_so is True}
        for name, score in _members(result, "category_scores"):
            if _is_score(score):
                scores[name] = max(round(float(score), 4), scores.get(name, 0.0))
    return Opinion(flagged, sorted(categories), dict(sorted(scores.items())), _tokens(document))


def _members(result: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The categories of one result whose names are such, and not more than there may be."""
    members = result.get(name)
    named = [] if not isinstance(members, dict) else [each for each in members.items() if CATEGORY.fullmatch(each[0])]
    yield from named[:MOST_CATEGORIES]


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _tokens(document: Mapping[str, Any]) -> int | None:
    usage = document.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or not 0 <= total <= LARGEST_USAGE:
        return None
    return total
