"""What buyers say about anything: openings, asides, short verdicts, other languages, and what gets rejected."""

TITLES = {
    5: ("Love it", "Exactly what I was looking for", "Excellent {it}", "Would buy again", "Perfect", "Simply good", ""),
    4: ("Very good", "Good {it}, small flaw", "Happy with it", "Almost perfect", "Recommended", ""),
    3: ("Okay", "Mixed feelings", "Does the job", "Good idea, average finish", "It is all right", ""),
    2: ("Disappointing", "Expected more", "Not convinced", "Too expensive for this", ""),
    1: ("Do not buy", "Broken on arrival", "Waste of money", "Sent it back", "Never again", ""),
}

SHORT = {
    5: ("Great!", "Very happy.", "Perfect, thanks.", "Love the {it}.", "Super.", "Top quality.", "Ten out of ten."),
    4: ("Good.", "Nice {it}.", "Works well.", "Good value.", "As described.", "Pretty good."),
    3: ("It's ok.", "Average.", "Does what it says.", "Neither good nor bad."),
    2: ("Not great.", "Meh.", "Expected better.", "Cheaply made."),
    1: ("Bad.", "Useless.", "Broken.", "Avoid.", "Money back please."),
}

GENERAL_PRAISE = (
    "Delivery took two days and the packaging was free of plastic.",
    "The seller answered my question within the hour.",
    "I compared a dozen before deciding, and do not regret it.",
    "Came with a handwritten note, which was a nice touch.",
    "Bought one for myself and then two more as presents.",
    "Worth every cent.",
    "I have had the {it} for a few weeks now and have nothing to add to the praise.",
)

GENERAL_QUIBBLES = (
    "Delivery took eight days instead of three.",
    "There was far too much packaging.",
    "I would buy it again at a slightly lower price.",
    "The photos flatter it a bit.",
    "Half a star less for the parcel service, which is not the seller's fault.",
)

GENERAL_COMPLAINTS = (
    "Two e-mails to the seller, no answer yet.",
    "The return label had to be paid by me.",
    "The pictures show something different from what I got.",
    "For that money I expect more.",
    "I really wanted to like the {it}.",
)

OTHER_LANGUAGES = {
    5: (
        "Sehr schön verarbeitet, kam schnell an. Würde ich jederzeit wieder kaufen.",
        "Hervorragende Qualität, genau wie beschrieben. Danke!",
        "Très belle qualité, livraison rapide et emballage soigné. Je recommande.",
        "Parfait, conforme à la description, ma sœur est ravie de son cadeau.",
        "Excelente calidad y muy bien embalado. Repetiré seguro.",
        "Ottimo prodotto, curato nei dettagli. Consigliatissimo.",
        "Mooie kwaliteit en snel geleverd, heel tevreden.",
        "とても気に入りました。丁寧な作りで、毎日使っています。",
    ),
    4: (
        "Gute Qualität, nur die Lieferung hat etwas gedauert.",
        "Bon produit dans l'ensemble, la couleur est un peu plus foncée que sur la photo.",
        "Muy bueno, aunque algo más pequeño de lo que esperaba.",
        "Buon acquisto, un piccolo difetto nella finitura ma nulla di grave.",
    ),
    3: (
        "Geht so. Für den Preis hätte ich etwas mehr erwartet.",
        "Correct, sans plus.",
        "Cumple, pero nada especial.",
    ),
    2: ("Leider schlechter verarbeitet als auf den Bildern.", "Déçu par la finition.", "No merece lo que cuesta."),
    1: ("Nach einer Woche kaputt. Schade ums Geld.", "Arrivé cassé, aucune réponse du vendeur.", "Llegó roto."),
}

# What gets held by the checks, and then usually rejected: title, comment.
ADVERTISING = (
    ("Best price", "Do not pay this much, same {it} for half the price at www.bargain-{slug}.example.com today."),
    ("Contact me", "I sell these wholesale. WhatsApp +44 7700 900 {digits} for the price list."),
    ("Cheaper elsewhere", "Write to deals@cheap-{slug}.example.org and mention this review for 40 % off."),
    ("Free gift", "Join our Telegram: @freegifts_daily and get a free {it} this week."),
    ("!!!", "Call 0800 {digits} 4471 22 for a discount, mention code STAR."),
    ("Must see", "Full test and coupon on https://honest-tests.example.net/{digits}"),
)

# Rejected by a person although the checks find nothing.
OUT_OF_PLACE = (
    ("Wrong shop", "This is about the parcel service, which threw it over the fence. The driver should be fired."),
    ("asdf", "asdf asdf asdf asdf"),
    ("Seller is a crook", "I know where this seller lives and everybody should know what kind of person that is."),
    ("First", "Have not opened it yet, five stars for the discount on the next order they promised me."),
)

# What authors add when they come back to a review of theirs: the content ones, and the others.
AFTERTHOUGHTS = (
    "Update: after a few more weeks it is still exactly as good.",
    "Addition: the second one I bought is just the same.",
    "Edit: forgot to say that delivery was quick as well.",
)
SECOND_THOUGHTS = (
    "Edit: the seller has sent a replacement without any fuss.",
    "Update: after a few more weeks I see it a little more calmly.",
    "Edit: got my money back by now, so one thing at least went well.",
)

# The same few sentences in another order: what a bought burst looks like.
FAKE_PARTS = (
    ("Amazing {it}!", "Wow, amazing {it}!!", "Really amazing {it}!", "Amazing {it}, wow!"),
    (
        "Best purchase this year, fast shipping, great seller.",
        "Best purchase of this year, great seller, fast shipping.",
    ),
    ("My whole family loves it and my friends want one too.", "My family loves it and all my friends want one too."),
    ("Highly recommend to everyone.", "Highly recommended to everyone!", "I highly recommend it to everyone."),
)
