"""Composing what a buyer writes: title and text that fit the product and the stars."""

from dataclasses import dataclass, replace

from trustengine.devtools.demo import phrases
from trustengine.devtools.demo.opinions import OPINIONS
from trustengine.devtools.demo.shops import Article
from trustengine.devtools.demo.world import World
from trustengine.text import normalised

# How often each number of stars is given, one to five, for the best and for the poorest products.
GOOD, POOR = (4, 3, 7, 24, 62), (26, 18, 18, 20, 18)


@dataclass(frozen=True)
class Draft:
    """A text and its stars; ``objection`` is the reason code that a moderator will reject it for."""

    rating: int
    title: str = ""
    comment: str = ""
    objection: str = ""

    def cleaned(self) -> "Draft":
        """As the services store it."""
        return replace(self, title=normalised(self.title), comment=normalised(self.comment))


def write(world: World, article: Article, *, foreign: bool = False) -> Draft:
    """An honest review, from a bare rating to a long text."""
    rating = _stars(world, article.quality)
    style = world.rng.random()
    if style < 0.12:
        return Draft(rating)
    if foreign or style < 0.17:
        return Draft(rating, comment=world.rng.choice(phrases.OTHER_LANGUAGES[rating]))
    title = world.rng.choice(phrases.TITLES[rating])
    if style < 0.3:
        comment = world.rng.choice(phrases.SHORT[rating])
    else:
        comment = " ".join(_sentences(world, article.trade, rating))
    return Draft(rating, _about(title, article), _about(comment, article))


def advertise(world: World, article: Article) -> Draft:
    """What leads readers elsewhere: the checks find it, and a moderator rejects it."""
    title, comment = world.rng.choice(phrases.ADVERTISING)
    comment = comment.replace("{digits}", str(world.rng.randint(100, 999)))
    return Draft(5, title, _about(comment, article), "spam")


def rant(world: World, article: Article) -> Draft:
    """What only a person sees to be out of place."""
    title, comment = world.rng.choice(phrases.OUT_OF_PLACE)
    return Draft(world.rng.choice((1, 1, 5)), title, _about(comment, article), "off_topic")


def reconsider(world: World, draft: Draft) -> Draft:
    """The same text with an afterthought, sometimes with a star more or less."""
    rating = min(5, max(1, draft.rating + world.rng.choice((-1, 0, 0, 0, 1))))
    added = world.rng.choice(phrases.AFTERTHOUGHTS if draft.rating >= 4 else phrases.SECOND_THOUGHTS)
    return Draft(rating, draft.title, f"{draft.comment}\n\n{added}".strip())


def fake_praise(world: World, article: Article) -> Draft:
    """Five stars from a template, with the words turned around a little."""
    title, *sentences = (world.rng.choice(part) for part in phrases.FAKE_PARTS)
    if world.chance(0.4):
        world.rng.shuffle(sentences)
    return Draft(5, _about(title, article), " ".join(sentences))


def _stars(world: World, quality: float) -> int:
    weights = [quality * good + (1 - quality) * poor for good, poor in zip(GOOD, POOR, strict=True)]
    return world.rng.choices(range(1, 6), weights)[0]


def _sentences(world: World, trade: str, rating: int) -> list[str]:
    """One to five sentences in the proportion of praise and complaint that the stars stand for."""
    said = OPINIONS[trade]
    sample, length = world.rng.sample, world.rng.choices
    if rating == 5:
        return sample(said.praise, length((1, 2, 3), (4, 4, 2))[0]) + sample(
            phrases.GENERAL_PRAISE, length((0, 1, 2))[0]
        )
    if rating == 4:
        quibbles = said.quibbles + phrases.GENERAL_QUIBBLES
        return sample(said.praise + phrases.GENERAL_PRAISE, length((1, 2))[0]) + sample(quibbles, length((0, 1))[0])
    if rating == 3:
        return sample(said.quibbles, length((1, 2))[0]) + sample(phrases.GENERAL_QUIBBLES, length((0, 1))[0])
    complaints = sample(said.complaints, 1) + sample(phrases.GENERAL_COMPLAINTS, length((0, 1, 2))[0])
    return complaints if rating == 1 else sample(said.quibbles, 1) + complaints


def _about(text: str, article: Article) -> str:
    noun = article.offer.noun
    return text.replace("{it}", noun).replace("{slug}", noun.casefold().replace(" ", "-").replace("'", ""))
