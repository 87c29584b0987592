"""Search by words, answered by an index of words.

A text's words are its runs of letters and digits, in any case. A word that is searched for
matches the words that begin with it, and one of up to two ASCII characters only itself, as
too many begin with those. All words have to be found. Text that is written without spaces
between words is found by its beginning only.
"""

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func, Model, QuerySet

MOST_WORDS = 8
MOST_CHARACTERS = 200
CONFIGURATION = "simple"  # no stemming, no stop words: texts come in any language
WORD = re.compile(r"\w+")

Row = TypeVar("Row", bound=Model)


class WordVector(Func):
    """The words of some columns; a migration writes it as one line. Changed here, its indexes have to be made again.

    All that is not a letter or digit is replaced before: how PostgreSQL's parser splits it
    depends on the server's locale.
    """

    template = f"to_tsvector('{CONFIGURATION}'::regconfig, regexp_replace(%(expressions)s, '\\W+', ' ', 'g'))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


def words_of(text: str) -> list[str]:
    """The words of a text, as they are searched for."""
    return WORD.findall(text)


def first_words(text: str) -> str:
    """As much of a text as is searched for at most: for pages, which refuse nothing."""
    return " ".join(text[:MOST_CHARACTERS].split()[:MOST_WORDS])


def containing_words(rows: QuerySet[Row], text: str, *columns: str) -> QuerySet[Row]:
    """Rows that have every word of a text in one of the columns. A text without any word is found nowhere."""
    words = words_of(text)
    if not words:
        return rows.none()
    query = SearchQuery(_query(words), search_type="raw", config=CONFIGURATION)
    found: QuerySet[Row] = rows.alias(words_found=WordVector(*columns)).filter(words_found=query)  # type: ignore[assignment]
    return found


def _query(words: Iterable[str]) -> str:
    """The words in PostgreSQL's language of searches. Each is quoted, and holds no quote."""
    return " & ".join(f"'{word}'" if len(word) < 3 and word.isascii() else f"'{word}':*" for word in words)


def too_many(text: str) -> bool:
    """Whether a text has more words than a search takes, counted by spaces and by words alike."""
    return max(len(text.split()), len(words_of(text))) > MOST_WORDS


TOO_MANY: dict[str, Any] = {"message": f"At most {MOST_WORDS} words.", "code": "too_many_words"}
