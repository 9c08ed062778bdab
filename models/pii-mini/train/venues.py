"""Restaurants, bars, hotels, museums, theatres: firms that text speaks of as places to be at. The development sets label them as locations,
so what is written and generated here does too where a name says what it is."""

import re

_VENUE = re.compile(
    r"(?:^|[\s'’-])(?:restaurant|bistro|brasserie|caf[eé]|coffee|espresso|grille?|pizza|pizzeria|pub|taverna?|inn|hotel|hôtel|motel|resort|lodge|hostel|hostal|guest ?house|b&b|"
    r"lounge|night ?club|cinema|theat(?:er|re)|museum|musée|museo|gallery|galería|galerie|diner|steak ?house|bbq|barbecue|sushi|taquer[ií]a|cantina|trattoria|osteria|ristorante|"
    r"brewpub|saloon|tea ?(?:room|house)|kitchen|chophouse|bar|noodles?|ramen|tandoori|curry|burgers?|subs|wings|deli|ballroom|playhouse|(?:opera|concert|music) (?:house|hall)|"
    r"bakery|creamery|donuts?|doughnuts|ice cream|gelato|parador|posada|auberge|gast(?:hof|haus)|wirtshaus|pousada|albergo|herberg|winery|vineyards?|casino)s?(?:$|[\s'’-])",
    re.IGNORECASE,
)
_FIRM = re.compile(
    r"\b(?:inc|corp|corporation|ltd|llc|group|company|co|association|foundation|guild|union|federation|society|hotels|worldwide|brands|industries|holdings|symphony|ballet|workers|supply|"
    r"news|times|magazine|records|motors|schools?|university|college|council|ministry|state bar|bar association)\b",
    re.IGNORECASE,
)


def label(name: str, label: str | None) -> str | None:
    """`label`, or LOCATION in place of ORGANIZATION if the name is a venue's."""
    venue = label == "ORGANIZATION" and _VENUE.search(name) and not _FIRM.search(name)
    return "LOCATION" if venue else label
