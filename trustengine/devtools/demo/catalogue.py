"""What the demo's vendors sell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """A product: how reviews call it, its title, its description and its price in cents."""

    noun: str
    title: str
    description: str
    price_cents: int


@dataclass(frozen=True)
class Vendor:
    """A shop, its fee where it has one of its own, and its offers."""

    name: str
    trade: str
    owner: str
    fee_bps: int | None
    offers: tuple[Offer, ...]


VENDORS = (
    Vendor(
        "Lindenhof Ceramics",
        "ceramics",
        "Marta Lindner",
        None,
        (
            Offer("mug", "Stoneware Mug, Slate Blue", "Hand-thrown, 350 ml, dishwasher safe.", 2400),
            Offer("bowl", "Breakfast Bowl, Speckled White", "15 cm across, reactive glaze, each one differs.", 2800),
            Offer("teapot", "Side-Handled Teapot", "700 ml, with a strainer in the spout.", 7900),
            Offer("plate set", "Dinner Plates, Set of Four", "27 cm, matt glaze, stackable.", 11200),
            Offer("vase", "Bottle Vase, Tall", "Burnished clay, waterproof inside, 32 cm.", 5400),
            Offer("butter dish", "Lidded Butter Dish", "Holds a 250 g block; the knob fits two fingers.", 3600),
            Offer("cup set", "Espresso Cups, Pair", "80 ml, thick walls that keep the heat.", 2900),
        ),
    ),
    Vendor(
        "Harbour Coffee Roasters",
        "coffee",
        "Tomasz Brandt",
        1200,
        (
            Offer("house blend", "House Blend No. 7, 1 kg", "Chocolate and hazelnut, for espresso machines.", 2390),
            Offer("Yirgacheffe", "Ethiopia Yirgacheffe, 250 g", "Washed; jasmine and bergamot. For filter.", 1150),
            Offer("Huila", "Colombia Huila, 500 g", "Caramel, red apple. Medium roast.", 1690),
            Offer("decaf", "Mountain Water Decaf, 250 g", "Without solvents; cocoa and malt.", 1090),
            Offer("Nyeri", "Kenya Nyeri AA, 250 g", "Washed; blackcurrant and tomato. For filter.", 1290),
            Offer("dark roast", "Espresso Dark No. 3, 500 g", "Low acidity, dense crema; a fifth robusta.", 1450),
            Offer("subscription", "Roaster's Choice, Three Months", "A new 250 g bag every two weeks.", 6600),
        ),
    ),
    Vendor(
        "Northlight Audio",
        "audio",
        "Ingrid Solberg",
        None,
        (
            Offer("headset", "Aria Wireless Headphones", "Over-ear, noise cancelling, 38 hours.", 18900),
            Offer("pair of earbuds", "Pebble Earbuds", "IPX4, 7 + 21 hours, wireless charging case.", 7990),
            Offer("speaker", "Fjord Portable Speaker", "Waterproof, 20 W, pairs in stereo.", 9900),
            Offer("turntable", "Halden Turntable", "Belt drive, switchable phono stage.", 24900),
            Offer("DAC", "Pocket DAC, USB-C", "For headphones up to 150 ohms.", 6490),
            Offer("sleep mask", "Quiet Sleep Mask", "Flat speakers for side sleepers.", 4490),
            Offer("cable", "Braided Audio Cable, 2 m", "3.5 mm, angled plug.", 1290),
        ),
    ),
    Vendor(
        "Fellside Outdoor",
        "outdoor",
        "Rhys Calder",
        None,
        (
            Offer("tent", "Ridge 2 Trekking Tent", "Two persons, 1.9 kg, three seasons.", 27900),
            Offer("sleeping bag", "Down Sleeping Bag −4 °C", "700 cuin, 920 g.", 21900),
            Offer("stove", "Canister Stove, 85 g", "Boils a litre in four minutes.", 4900),
            Offer("rain jacket", "Squall Rain Jacket", "Three layers, taped seams, pit zips.", 15900),
            Offer("backpack", "Tarn 38 Backpack", "Adjustable back, rain cover.", 12900),
            Offer("head torch", "Head Torch, 400 lm", "Rechargeable, red light, lockable switch.", 3990),
            Offer("pair of socks", "Merino Hiking Socks, Two Pairs", "Cushioned heel and toe.", 2690),
        ),
    ),
    Vendor(
        "Weaver & Thread",
        "textiles",
        "Amélie Fontaine",
        None,
        (
            Offer("duvet cover", "Washed Linen Duvet Cover", "155 × 220 cm, coconut buttons.", 11900),
            Offer("blanket", "Lambswool Blanket, Herringbone", "130 × 190 cm, woven in small batches.", 9800),
            Offer("towel set", "Waffle Towels, Set of Three", "Organic cotton, dries quickly.", 4500),
            Offer("apron", "Kitchen Apron, Indigo", "Heavy linen, cross back, one pocket.", 4900),
            Offer("cushion", "Corduroy Cushion, Ochre", "50 × 50 cm with filling.", 3400),
            Offer("table runner", "Table Runner, Natural", "40 × 150 cm, hemstitched.", 3200),
            Offer("robe", "Muslin Bathrobe", "Three sizes, deep pockets.", 6900),
        ),
    ),
    Vendor(
        "Spoke & Chain",
        "cycling",
        "Jonas Visser",
        1300,
        (
            Offer("pannier", "Roll-Top Pannier, 20 l", "Welded seams, fits most racks.", 6900),
            Offer("light set", "USB Light Set, StVZO", "70 lux in front, 12 hours on low.", 5490),
            Offer("lock", "Folding Lock, Level 9", "85 cm, two keys, bracket included.", 7900),
            Offer("saddle", "Touring Saddle, Leather", "Chromed rails, needs breaking in.", 9900),
            Offer("pump", "Floor Pump with Gauge", "11 bar, fits both valves.", 4200),
            Offer("multi-tool", "Multi-Tool, 17 Functions", "Chain breaker included, 162 g.", 2990),
            Offer("pair of gloves", "Winter Gloves, Lobster Cut", "Windproof, grippy palm.", 3990),
        ),
    ),
    Vendor(
        "Meadow Apothecary",
        "skincare",
        "Olivia Hart",
        1800,
        (
            Offer("hand cream", "Calendula Hand Cream, 75 ml", "For gardeners' hands.", 1450),
            Offer("shampoo bar", "Shampoo Bar, Nettle", "For normal hair; about 60 washes.", 1190),
            Offer("face oil", "Rosehip Face Oil, 30 ml", "Cold pressed, no perfume.", 2490),
            Offer("soap", "Olive Oil Soap, Three Bars", "Cured for six months.", 1590),
            Offer("lip balm", "Beeswax Lip Balm, Tin", "With sea buckthorn.", 690),
            Offer("sunscreen", "Mineral Sunscreen SPF 50", "Zinc oxide, reef friendly, 50 ml.", 2290),
            Offer("jar of bath salts", "Bath Salts, Spruce", "500 g in a refillable jar.", 1790),
        ),
    ),
    Vendor(
        "Inkwell Stationers",
        "stationery",
        "Daniel Okafor",
        None,
        (
            Offer("notebook", "Dotted Notebook A5", "192 pages of 100 g paper, lies flat.", 1890),
            Offer("fountain pen", "Steel Nib Fountain Pen", "Extra fine to broad; takes cartridges.", 4900),
            Offer("ink", "Ink, Storm Grey, 50 ml", "Shades well, washes out of clothes.", 1490),
            Offer("planner", "Undated Week Planner", "54 weeks, two ribbons.", 2490),
            Offer("pencil box", "Cedar Pencils, Box of Twelve", "Grades from 2H to 6B.", 1690),
            Offer("desk mat", "Wool Felt Desk Mat", "80 × 40 cm.", 3900),
            Offer("letter set", "Letter Set, Laid Paper", "20 sheets, 20 lined envelopes.", 2200),
        ),
    ),
    Vendor(
        "Carbon & Oak Kitchen",
        "kitchen",
        "Yuki Tanabe",
        None,
        (
            Offer("chef's knife", "Chef's Knife, Carbon Steel 21 cm", "62 HRC, oiled walnut handle.", 13900),
            Offer("pan", "Carbon Steel Pan 28 cm", "2.5 mm, for every hob, pre-seasoned.", 6900),
            Offer("cutting board", "End-Grain Cutting Board", "Oak, 40 × 30 cm, juice groove.", 8900),
            Offer("whetstone", "Whetstone 1000/6000", "With a bamboo base.", 4400),
            Offer("salt mill", "Salt Mill, Ceramic Grinder", "Beech, 18 cm.", 3800),
            Offer("casserole", "Cast Iron Casserole 4.7 l", "Enamelled, oven safe to 250 °C.", 15900),
            Offer("pair of tongs", "Precision Tongs 30 cm", "Spring steel, scalloped tips.", 1850),
        ),
    ),
    Vendor(
        "Acorn Wooden Toys",
        "toys",
        "Sofia Marques",
        1400,
        (
            Offer("train set", "Wooden Train Set, 42 Pieces", "Compatible with the usual tracks.", 4990),
            Offer("marble run", "Marble Run, Extendable", "60 pieces, 20 glass marbles.", 6490),
            Offer("block set", "Building Blocks, 100 Pieces", "Beech, water-based colours.", 3990),
            Offer("balance bike", "Balance Bike, Birch", "For ages two to five, adjustable.", 7990),
            Offer("puzzle", "Forest Puzzle, 48 Pieces", "Thick pieces, poster included.", 1790),
            Offer("play kitchen", "Play Kitchen with Sink", "Assembles without tools.", 11900),
            Offer("rattle", "Rattle Ring, Maple", "Untreated, one piece.", 1290),
        ),
    ),
)
