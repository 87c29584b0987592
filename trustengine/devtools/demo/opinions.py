"""What buyers say about each trade's products: praise, quibbles and complaints; {it} is the product."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Opinions:
    praise: tuple[str, ...]
    quibbles: tuple[str, ...]
    complaints: tuple[str, ...]


OPINIONS = {
    "ceramics": Opinions(
        (
            "The glaze is even more beautiful than in the pictures.",
            "The {it} sits wonderfully in the hand and gets used every day.",
            "You can see that somebody made this by hand, and took their time.",
            "Not a single chip, and no two look the same. That is what I wanted.",
            "Guests ask about the {it} every time.",
        ),
        (
            "The colour is a shade darker than I had expected.",
            "The foot of the {it} is a little rough and scratches the table; a felt pad helped.",
            "Smaller than I thought, so do read the measurements.",
        ),
        (
            "The {it} arrived with a hairline crack that runs right through the glaze.",
            "After ten days a piece of the rim came off in normal use.",
            "It wobbles on a flat table. At this price that should not happen.",
        ),
    ),
    "coffee": Opinions(
        (
            "Roasted four days before it arrived, and you can taste it.",
            "Balanced and sweet, with no bitterness even when I get the {it} wrong.",
            "This has replaced what I used to buy at the café round the corner.",
            "The whole kitchen smells of it when the parcel is opened.",
            "Clear instructions on the label, and they work.",
        ),
        (
            "Good, though a bit more acidic than the description suggests.",
            "The bag does not close again properly.",
            "Solid everyday quality, no fireworks.",
        ),
        (
            "The roast date was nine weeks ago. I can get stale coffee anywhere.",
            "The {it} tasted flat and burnt, whatever I tried.",
            "The bag was open in the parcel, and half of it gone.",
        ),
    ),
    "audio": Opinions(
        (
            "Voices are clear, the bass is there without booming.",
            "I have used the {it} daily for three weeks and have nothing to complain about.",
            "Set up in two minutes, and not one failure since.",
            "For the price I have not heard anything better.",
            "The {it} is smaller than I had feared and better made than I had hoped.",
        ),
        (
            "The sound is fine, the manual is not.",
            "The {it} picks up a faint hiss with my laptop, but not with the phone.",
            "A case in the box would have been nice.",
        ),
        (
            "The left side went silent after twelve days.",
            "The sound drops out every few minutes, with three different phones.",
            "The {it} hums, and the replacement hums as well.",
        ),
    ),
    "outdoor": Opinions(
        (
            "A week of Scottish weather, and not one complaint.",
            "The {it} is lighter than my old one by half and feels sturdier.",
            "First class down to the last stitch and screw.",
            "Used it from Innsbruck to Merano and would take it again tomorrow.",
            "Exactly the right compromise between weight and toughness.",
        ),
        (
            "Slightly heavier on my scales than in the description.",
            "Good gear, but the {it} is fiddly with cold fingers.",
            "The colour shows every speck of mud.",
        ),
        (
            "Gave up on the second night.",
            "The {it} was not up to the first real rain.",
            "It broke on day one, forty kilometres from the next shop.",
        ),
    ),
    "textiles": Opinions(
        (
            "The {it} gets softer with every wash.",
            "Heavy, honest fabric and clean seams.",
            "The colour is exactly as shown and has not faded.",
            "It was a present and has become the favourite thing in the house.",
            "No lint, no chemical smell, just good cloth.",
        ),
        (
            "It creases, as natural fabric does; one should like that.",
            "The {it} shrank a little at forty degrees.",
            "A loose thread at the hem, easily fixed.",
        ),
        (
            "The dye rubbed off on everything else in the machine.",
            "After two washes the {it} looks two years old.",
            "The measurements are off by eight centimetres.",
        ),
    ),
    "cycling": Opinions(
        (
            "Rattled over cobblestones for a month, and still like new.",
            "I commute in all weathers and the {it} shrugs it off.",
            "Well thought out down to the last detail.",
            "Much better made than the one from the big chain.",
            "The {it} does exactly what it should.",
        ),
        (
            "The instructions are tiny drawings without a word.",
            "Does its job, but the {it} is heavier than stated by about 60 g.",
            "Some parts feel as if they will not last for ever.",
        ),
        (
            "The {it} broke at the first pothole.",
            "Looks ten years old after two rainy weeks.",
            "It does not fit, although the table says that it should.",
        ),
    ),
    "skincare": Opinions(
        (
            "My skin is calmer than it has been for years.",
            "The scent is gentle and is gone after a few minutes.",
            "A tiny amount is enough, so the {it} lasts for ages.",
            "No plastic anywhere, and it still arrived in one piece.",
            "I have eczema and can use the {it} without trouble.",
        ),
        (
            "It takes a while until one notices a difference.",
            "The {it} is nice, but smaller than in the photo.",
            "The scent is not for everyone; sniff before you give it away.",
        ),
        (
            "I got a rash after two days. The list of ingredients online is incomplete.",
            "The {it} arrived squashed, in a soaked parcel.",
            "Best before next month. Who sends out such a thing?",
        ),
    ),
    "stationery": Opinions(
        (
            "You notice the quality at once.",
            "The {it} makes me want to write letters again.",
            "Simple, well thought out, nothing superfluous.",
            "Beautifully made and a pleasure to use every morning.",
            "My third one by now, always the same quality.",
        ),
        (
            "The tone is slightly warmer than in the photos.",
            "I like the {it}, but it should come with a sturdier box.",
            "Took me a week to get used to.",
        ),
        (
            "It came apart after a fortnight.",
            "The {it} arrived bent because it was sent in a paper envelope.",
            "It smells so strongly that it had to leave the desk.",
        ),
    ),
    "kitchen": Opinions(
        (
            "Ready for work out of the box, and how.",
            "The {it} will outlive me, and that is a compliment.",
            "Gets better with use, just as they say.",
            "The finish is beautiful, also where nobody looks.",
            "I cook for a living and have put the {it} into daily use at once.",
        ),
        (
            "Needs care: dry it at once after washing.",
            "The {it} is heavier than my wrists would like.",
            "The finish has a small flaw at the edge, otherwise perfect.",
        ),
        (
            "Something came loose within a week.",
            "The {it} arrived damaged, in an undamaged box.",
            "It leaves grey marks on everything it touches.",
        ),
    ),
    "toys": Opinions(
        (
            "Our daughter has played with the {it} every day since her birthday.",
            "Smooth edges, strong colours, nothing smells of paint.",
            "It survived two toddlers and a dog.",
            "Finally a toy that does not beep.",
            "The {it} goes well with what we already had.",
        ),
        (
            "Takes strong fingers at first.",
            "Lovely, though the {it} needs more space than we thought.",
            "Instructions in more than one language would have been nice.",
        ),
        (
            "A splinter on the first day. Not for small hands.",
            "A part was missing from the box.",
            "The paint of the {it} comes off when it is chewed, and it will be chewed.",
        ),
    ),
}
