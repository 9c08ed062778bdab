"""Slot values: each method of `Values` gives one value as it would stand in a text. The label comes from SLOTS."""

import random
import string
import unicodedata
from datetime import date, timedelta

import gazetteer
import organisations
import people
import places
import things
from lexicon import (COURTS, FAMOUS_ORGS, LANGUAGES, MONTHS, NATIONALITIES, ORG_PATTERNS, POSTCODES, PRODUCTS, REGIONS, STREETS,
                     WEEKDAYS, WORDS, WORLD_CITIES)
from pools import invented, pools

SLOTS = {
    "person": "PERSON", "person_rev": "PERSON", "person_l": "PERSON", "PERSON": "PERSON", "first": "PERSON", "first_l": "PERSON", "last": "PERSON",
    "initials": "PERSON", "initials_last": "PERSON", "city": "LOCATION", "city_l": "LOCATION", "CITY": "LOCATION", "country": "LOCATION", "region": "LOCATION",
    "address": "ADDRESS", "org": "ORGANIZATION", "ORG": "ORGANIZATION", "date": "DATE", "monthyear": "DATE", "year": "DATE", "phone": "PHONE", "email": "EMAIL",
    "url": "URL", "user": "USERNAME", "user_bare": "USERNAME", "handle": "USERNAME", "ip": "IP_ADDRESS", "card": "CREDIT_CARD", "iban": "IBAN", "acct": "ACCOUNT_NUMBER",
    "id": "ID_NUMBER", "ssn": "ID_NUMBER", "secret": "SECRET", "age": "AGE", "job": "TITLE", "nat": "NATIONALITY",
    "word": None, "num": None, "money": None, "time": None, "version": None, "product": None, "score": None, "month": None, "weekday": None, "sex": None,
    "shop": "ORGANIZATION", "biz": "ORGANIZATION", "caps": None, "work": None,
    "company": "ORGANIZATION", "COMPANY": "ORGANIZATION", "site": "ORGANIZATION", "bank": "ORGANIZATION", "chain": "ORGANIZATION", "chain_l": "ORGANIZATION", "food": "ORGANIZATION",
    "food_l": "ORGANIZATION", "travel": "ORGANIZATION", "agency": "ORGANIZATION", "party": "ORGANIZATION", "media": "ORGANIZATION", "univ": "ORGANIZATION", "team": "ORGANIZATION", "team_l": "ORGANIZATION",
    "band": "ORGANIZATION", "hospital": "ORGANIZATION", "hotel": "LOCATION", "firm": "ORGANIZATION", "landmark": "LOCATION", "airport": "LOCATION", "street": "LOCATION", "country_l": "LOCATION",
    "figure": "PERSON", "figure_l": "PERSON", "first_initial": "PERSON", "first_initial_last": "PERSON",
    "brand": None, "brand_thing": None, "product_bare": None, "work_bare": None, "initials_u": None, "TAG": None,
}
DOMAINS = "gmail.com yahoo.com hotmail.com outlook.com icloud.com web.de gmx.de orange.fr free.fr libero.it uol.com.br ziggo.nl proton.me example.com example.org mail.ru enron.com aol.com".split()
TLDS = "com org net io co.uk de fr es it pt nl com.br eu edu gov info me app dev ch at be".split()
CALLING = {"en": ["+1", "+44", "+61", "+91", "+353"], "es": ["+34", "+52", "+57", "+54"], "fr": ["+33", "+32", "+41"], "de": ["+49", "+43", "+41"], "it": ["+39"], "pt": ["+351", "+55"], "nl": ["+31", "+32"]}
PHONES = {
    "en": ["###-###-####", "(###) ###-####", "### ### ####", "##########", "###.###.####", "1-###-###-####", "0## #### ####", "07### ######", "0#### ######", "(0##) #### ####", "###-####"],
    "es": ["6## ### ###", "9## ## ## ##", "6########", "9## ### ###", "6## ## ## ##", "(55) #### ####"],
    "fr": ["0# ## ## ## ##", "06########", "0#.##.##.##.##", "06-##-##-##-##", "06 ## ## ## ##"],
    "de": ["0### #######", "0###/######", "(0##) ########", "01## ########", "0##-#######", "0#### / ######"],
    "it": ["3## #######", "0# ########", "3########", "06 ## ## ## ##", "3##-#######"],
    "pt": ["9## ### ###", "2# ### ## ##", "(##) 9####-####", "(##) ####-####", "## 9 #### ####", "9########"],
    "nl": ["06-########", "06 ## ## ## ##", "0##-#######", "0## ### ## ##", "06########"],
}
INTERNATIONAL = ["{c} ### ### ####", "{c} ## #### ####", "{c}##########", "{c} (0)## ### ####", "{c}-##-###-####", "{c} # ## ## ## ##", "00{d} ### ######", "{c} ### ### ###"]
IDS = {
    "en": ["###-##-####", "#########", "?? ## ## ## ?", "??######?", "### ### ####", "?#######", "EMP-#####", "C-####/##", "####/##", "#####/##", "MRN #######", "POL-########", "??-####-####", "?######", "#### #### ####", "##-#######", "HD######", "no-####-##"],
    "es": ["########?", "?#######?", "##.###.###-?", "????######??????##", "### / ####", "#####/##", "###-##-########-#", "EXP-####/##"],
    "fr": ["# ## ## ## ### ### ##", "###############", "#####/##", "##??#####", "RG ##/#####", "DOS-######", "############"],
    "de": ["## ### ### ###", "###########", "## ###### ? ###", "C########", "# O ###/##", "KD-######", "L#######"],
    "it": ["??????##?##?###?", "???????? ", "??#######", "####/##", "PR-#####", "??????##?##?###?"],
    "pt": ["###.###.###-##", "##.###.###-#", "##########", "#######-##.####.#.##.####", "??######", "### ### ###", "##.###.###/####-##"],
    "nl": ["#########", "### ### ###", "????####?", "??####??#", "D-#####", "##/#####"],
}
SECRET_PREFIXES = ["sk-", "sk_live_", "AKIA", "ghp_", "xoxb-", "AIza", "glpat-", "eyJ", "npm_", "", ""]
HARD_WORDS = ["Summer", "Winter", "Password", "Secret", "Dragon", "Welcome", "Admin", "hunter", "qwerty", "letmein", "Sunshine", "Monkey", "Barcelona", "Futbol", "Soleil", "Passwort"]


class Values:
    """Values in one language around one main person, so that a document's name, e-mail and user name agree."""

    def __init__(self, rng: random.Random, language: str | None = None):
        self.rng = rng
        self.lang = language or rng.choices(LANGUAGES, [46, 11, 11, 9, 8, 8, 7])[0]
        self.pool, self.any = pools()[self.lang], pools()["any"]
        self.main = (self.first(), self.last())

    # -- helpers
    def fill(self, pattern: str) -> str:
        """'#' a digit, '?' an upper-case letter."""
        rng = self.rng
        return "".join(rng.choice(string.digits) if c == "#" else rng.choice(string.ascii_uppercase) if c == "?" else c for c in pattern)

    def slug(self, text: str) -> str:
        text = unicodedata.normalize("NFKD", text.lower())
        return "".join(c for c in text if c.isascii() and c.isalnum())

    # -- people
    def first(self) -> str:
        r = self.rng.random()
        if r < 0.06:
            return invented(self.rng)
        return self.rng.choice(people.FIRST if r < 0.36 else self.pool["first"] if r < 0.65 else gazetteer.names("first") if r < 0.85 else self.any["first"])

    def last(self) -> str:
        r = self.rng.random()
        if r < 0.10:
            return invented(self.rng)
        name = self.rng.choice(people.LAST if r < 0.36 else self.pool["last"] if r < 0.62 else gazetteer.names("last") if r < 0.86 else self.any["last"])
        if self.rng.random() < 0.03:
            name += "-" + self.rng.choice(self.pool["last"])
        return name

    def person(self) -> str:
        rng = self.rng
        if rng.random() < 0.08:
            return rng.choice(people.FIGURES)
        first, last = self.main if rng.random() < 0.25 else (self.first(), self.last())
        r = rng.random()
        if r < 0.10:
            first += " " + self.fill("?") + rng.choice([".", ".", ""])
        elif r < 0.18:
            first += " " + self.first()
        elif r < 0.22:
            first = first[0] + "."
        elif r < 0.24:
            first += f' "{rng.choice(self.any["first"])}"'
        if self.lang in ("es", "pt") and rng.random() < 0.5:
            last += rng.choice([" ", " ", " y ", " de ", " da "]) + self.last()
        elif rng.random() < 0.03:
            last = rng.choice(["van ", "de ", "van der ", "von ", "al-", "El ", "O'", "Mc", "Di ", "bin "]) + last
        if self.lang == "en" and rng.random() < 0.02:
            last += rng.choice([" Jr.", " III", ", Jr.", " Sr."])
        if rng.random() < 0.03:
            last = last.upper()
        return f"{first} {last}"

    def person_rev(self) -> str:
        return f"{self.last()}, {self.first()}" if self.rng.random() < 0.8 else f"{self.last().upper()} {self.first()}"

    def person_l(self) -> str:
        return (self.first() + self.rng.choice(["", " " + self.last()])).lower()

    def first_l(self) -> str:
        return self.first().lower()

    def PERSON(self) -> str:
        return self.person().upper()

    def initials(self) -> str:
        return self.rng.choice([self.fill("?.?."), self.fill("?. ?."), self.fill("?.?.?.")])

    def initials_last(self) -> str:
        return self.rng.choice([self.fill("?. "), self.fill("?.?. "), self.fill("?? ")]) + self.last()

    # -- places
    def city(self) -> str:
        r = self.rng.random()
        if r < 0.04:
            return invented(self.rng)
        if r < 0.18:
            return self.town()
        return self.rng.choice(self.pool["city"] if r < 0.36 else places.CITIES if r < 0.46 else WORLD_CITIES if r < 0.56 else people.PLACES if r < 0.7 else gazetteer.names("places") if r < 0.9 else self.any["city"])

    def town(self) -> str:
        names, weights = places.towns()
        return self.rng.choices(names, cum_weights=weights)[0]

    def city_l(self) -> str:
        return self.city().lower()

    def CITY(self) -> str:
        return self.city().upper()

    def country(self) -> str:
        return self.rng.choice(self.pool["country"] if self.rng.random() < 0.8 else self.any["country"])

    def region(self) -> str:
        return self.rng.choice(self.rng.choice([REGIONS, places.STATES, places.STATES, places.COUNTIES])) if self.rng.random() < 0.8 else self.city()

    def address(self) -> str:
        rng = self.rng
        if rng.random() < 0.3:
            text = rng.choice(self.pool["address"])
            return text if rng.random() < 0.4 else text.replace("\n", ", ")
        word = rng.choice([self.last, self.last, self.city, self.first, lambda: rng.choice(WORDS[self.lang]).capitalize()])()
        street = rng.choice(STREETS[self.lang]).format(n=rng.choice([rng.randint(1, 99), rng.randint(1, 9999)]), m=rng.randint(1, 40), w=word)
        r = rng.random()
        if r < 0.25:
            return street
        post = self.fill(rng.choice(POSTCODES[self.lang]))
        city = self.city()
        if self.lang == "en":
            tail = rng.choice([f"{city}, {self.fill('??')} {post}", f"{city} {post}", city, f"{city}, {self.country()}"])
        else:
            tail = rng.choice([f"{post} {city}", f"{post} {city}", city, f"{post} {city}, {self.country()}", f"{city} ({self.fill('??')})"])
        return street + rng.choice([", ", ", ", "\n", " ", " - "]) + tail

    # -- organisations
    def org(self) -> str:
        rng, r = self.rng, self.rng.random()
        if r < 0.35:
            return rng.choice(FAMOUS_ORGS if r < 0.17 else people.ORGS)
        if r < 0.48:
            return rng.choice(self.pool["company"])
        if r < 0.58:
            return rng.choice(COURTS[self.lang]).format(c=self.city())
        if r < 0.68:
            return invented(rng) + rng.choice(["", "", " Inc.", " Corp", " GmbH", " Ltd", " S.A.", " Group", " AG", " LLC", " Bank", " Systems", " Media", " Records", "soft", " Labs", " B.V.", " S.r.l.", " Ltda"])
        if r < 0.72:
            return self.fill(rng.choice(["???", "????", "??"]))
        return rng.choice(ORG_PATTERNS[self.lang]).format(c=self.city(), f=self.first(), l=self.last(), l2=self.last(), l3=self.last())

    def shop(self) -> str:
        return things.shop(self.rng, self.first() if self.rng.random() < 0.6 else self.last(), self.city())

    def caps(self) -> str:
        return things.caps(self.rng)

    def work(self) -> str:
        return things.work(self.rng)

    def ORG(self) -> str:
        return self.org().upper()

    def _named(self, kind: str, invent: float = 0.25) -> str:
        """An organisation of a kind; some are made up, so that context must tell."""
        if self.rng.random() > invent:
            return self.rng.choice(organisations.KINDS[kind])
        return self.company_made() if kind in ("company", "bank", "travel") else self.shop() if kind in ("shop_chain", "restaurant") else self.org()

    def company_made(self) -> str:
        rng = self.rng
        head = rng.choice([self.last, lambda: invented(rng), lambda: invented(rng), lambda: rng.choice(things.SHOP_FIRST), self.city, lambda: f"{self.last()} & {self.last()}", lambda: self.fill("???")])()
        return head + rng.choice(["", "", " Energy", " Partners", " Group", " Inc.", " Corp.", " Ltd.", " LLC", ", Inc.", " Capital", " Systems", " Technologies", " International", " Holdings", " Resources", " Trading", " Services", " Power", " Gas", " Industries", " Insurance", " Bank", " Airlines", " Securities", " Brothers", " Pharmaceuticals", " Communications", " Networks", "tech", "com", " Global", " Associates", " Consulting", " Foods", " Motors", " Labs"])

    def company(self) -> str:
        return self._named("company", 0.45)

    def COMPANY(self) -> str:
        return self.company().upper()

    def site(self) -> str:
        return self._named("site", 0.0)

    def bank(self) -> str:
        return self._named("bank")

    def chain(self) -> str:
        return self._named("shop_chain")

    def chain_l(self) -> str:
        return self._named("shop_chain", 0.1).lower()

    def food(self) -> str:
        return self._named("restaurant", 0.4)

    def food_l(self) -> str:
        return self._named("restaurant", 0.1).lower()

    def travel(self) -> str:
        return self._named("travel", 0.15)

    def agency(self) -> str:
        return self._named("agency", 0.1) if self.rng.random() < 0.75 else self.rng.choice(things.OFFICES + [f"{self.city()} {x}" for x in ("Police Department", "City Council", "Police", "Fire Department", "School Board", "Health Department")])

    def party(self) -> str:
        return self._named("party", 0.1)

    def media(self) -> str:
        return self._named("media", 0.05) if self.rng.random() < 0.8 else f"{self.city()} {self.rng.choice(['Times', 'Post', 'Herald', 'Gazette', 'News', 'Tribune', 'Journal', 'Chronicle', 'Star', 'Daily News'])}"

    def univ(self) -> str:
        place = self.rng.choice([self.city, self.region, self.last])
        return self._named("univ", 0.0) if self.rng.random() < 0.6 else self.rng.choice(["University of {p}", "{p} University", "{p} College", "{p} High School", "{p} High", "{p} State", "{p} Elementary School", "{p} Community College", "{p} Academy"]).format(p=place())

    def team(self) -> str:
        return self._named("team", 0.0) if self.rng.random() < 0.75 else f"{self.city()} {self.rng.choice(things.TEAMS)}"

    def team_l(self) -> str:
        return self.team().lower()

    def band(self) -> str:
        return self._named("band", 0.0) if self.rng.random() < 0.6 else self.rng.choice(["The {w}", "{w}", "{w} {v}", "{f} and the {w}"]).format(w=self.rng.choice(things.CAPS_WORDS).capitalize() + "s", v=self.rng.choice(things.CAPS_WORDS).capitalize(), f=self.first())

    def hospital(self) -> str:
        return self.rng.choice(["{p} Hospital", "{p} General Hospital", "{p} Medical Center", "St. {f}'s Hospital", "St. {f}", "{p} Clinic", "University of {p} Hospital", "{p} Regional Medical Center", "{p} Memorial Hospital"]).format(p=self.rng.choice([self.city, self.last])(), f=self.first())

    def hotel(self) -> str:
        return self.rng.choice(["{c}", "{c} {p}", "Hotel {l}", "{l} Hotel", "{p} Inn", "Grand {p} Hotel", "{c} Garden Inn", "{l} Lodge", "{w} Resort", "{w} Suites"]).format(
            c=self.rng.choice("Hilton Marriott Hyatt Sheraton Radisson Westin Ramada Doubletree Embassy Courtyard Fairmont Omni Ritz Holiday".split()), p=self.city(), l=self.last(), w=self.rng.choice(things.SHOP_FIRST))

    def firm(self) -> str:
        return self.rng.choice([f"{self.last()} & {self.last()}", f"{self.last()}, {self.last()} & {self.last()}", f"{self.last()} {self.last()}", f"{self.last()} {self.last()} LLP", f"{self.last()} and {self.last()}", f"{self.last()} Law"])

    def biz(self) -> str:
        return self.shop()

    def landmark(self) -> str:
        rng = self.rng
        if rng.random() < 0.65:
            return rng.choice(places.LANDMARKS)
        name = rng.choice([self.last, self.city, lambda: rng.choice(things.SHOP_FIRST)])()
        return rng.choice(["{n} Park", "Lake {n}", "Mount {n}", "{n} Beach", "{n} River", "{n} Bridge", "{n} Square", "{n} Hall", "{n} Stadium", "{n} Arena", "{n} Station", "{n} Theatre", "{n} Museum", "{n} Island", "{n} Valley", "{n} Mall", "{n} Center", "{n} Plaza", "{n} Castle", "Port {n}", "Fort {n}", "Cape {n}", "North {n}", "South {n}", "{n} Heights", "{n} Hills", "{n} Gardens", "{n} Library"]).format(n=name)

    def airport(self) -> str:
        return self.rng.choice(places.AIRPORTS) if self.rng.random() < 0.7 else f"{self.city()} Airport"

    def street(self) -> str:
        n = self.rng.choice([self.last, self.city, lambda: self.rng.choice(["Main", "First", "Second", "5th", "Oak", "Park", "Maple", "Broad", "Market", "High", "Church", "Mill", "42nd", "Lake", "Hill", "Elm", "Washington", "Lincoln"])])()
        return n + " " + self.rng.choice(["Street", "St", "St.", "Avenue", "Ave", "Ave.", "Road", "Rd", "Blvd", "Boulevard", "Drive", "Lane", "Highway", "Way", "Square", "Court"])

    def country_l(self) -> str:
        return self.country().lower()

    def figure(self) -> str:
        return self.rng.choice(people.FIGURES) if self.rng.random() < 0.65 else self.person()

    def figure_l(self) -> str:
        return self.figure().lower()

    def first_initial(self) -> str:
        return self.first()[0]

    def first_initial_last(self) -> str:
        return f"{self.first()[0]}. {self.last()}"

    def initials_u(self) -> str:
        return self.rng.choice(["HOU/ECT", "Corp/Enron", "NA/Enron", "HOU/EES", "LON/ECT", "ENRON_DEVELOPMENT", "Legal", "IT"])

    def brand(self) -> str:
        return self.rng.choice(["Toyota", "Honda", "Ford", "Nissan", "BMW", "Dell", "HP", "Sony", "Samsung", "Canon", "Kenmore", "Whirlpool", "Subaru", "Jeep", "Chevy", "Lexus", "Acer"])

    def brand_thing(self) -> str:
        return self.rng.choice(["Camry", "Accord", "Civic", "Corolla", "Mustang", "F-150", "Prius", "Jeep Wrangler", "iPhone", "iPad", "iPod", "MacBook", "ThinkPad", "Xbox", "PlayStation", "Kindle", "Galaxy", "BlackBerry", "Harley", "Vespa", "Corvette", "Tahoe", "Land Rover", "Golf GTI"])

    def product_bare(self) -> str:
        return self.rng.choice(["Tylenol", "Advil", "Red Bull", "Diet Coke", "Mountain Dew", "Windows 7", "Photoshop", "Kleenex", "Lego", "Nutella", "Viagra", "Prozac", "Gatorade", "Cheerios", "Oreo", "Snickers", "Guitar Hero", "Call of Duty", "Game Boy", "Wii", "Playstation 3", "Xanax", "Listerine", "Pampers", "Band-Aid"])

    def work_bare(self) -> str:
        return things.work(self.rng).strip('"')

    def TAG(self) -> str:
        return "".join(self.rng.choice(things.CAPS_WORDS).capitalize() for _ in range(self.rng.choice([1, 1, 2])))

    def job(self) -> str:
        text = self.rng.choice(self.pool["job"])
        return text.lower() if self.lang != "de" and self.rng.random() < 0.6 else text

    def nat(self) -> str:
        return self.rng.choice(NATIONALITIES[self.lang] if self.rng.random() < 0.7 else gazetteer.names("nationalities"))

    # -- time
    def _day(self) -> date:
        return date(1930, 1, 1) + timedelta(days=self.rng.randint(0, 36000))

    def date(self) -> str:
        rng, lang, d = self.rng, self.lang, self._day()
        month, m3 = MONTHS[lang][d.month - 1], MONTHS[lang][d.month - 1][:3]
        numeric = [f"{d.day:02}/{d.month:02}/{d.year}", f"{d.month}/{d.day}/{d.year}", f"{d.day}.{d.month}.{d.year}", f"{d.day:02}.{d.month:02}.{d.year}", f"{d.year}-{d.month:02}-{d.day:02}",
                   f"{d.day:02}-{d.month:02}-{d.year}", f"{d.month:02}/{d.day:02}/{d.year % 100:02}", f"{d.year}/{d.month:02}/{d.day:02}", f"{d.day} {m3} {d.year}", f"{d.day:02}{d.month:02}{d.year}"]
        if rng.random() < 0.4:
            return rng.choice(numeric)
        if lang == "en":
            th = "th" if 10 < d.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(d.day % 10, "th")
            return rng.choice([f"{month} {d.day}, {d.year}", f"{d.day} {month} {d.year}", f"{m3} {d.day}, {d.year}", f"{month} {d.day}", f"{d.day} {month}", f"{month} {d.day}{th}", f"the {d.day}{th} of {month} {d.year}",
                               f"{m3}. {d.day}, {d.year}", f"{rng.choice(WEEKDAYS['en'])}, {month} {d.day}, {d.year}", f"{m3} {d.day}", f"{d.day}-{m3}-{d.year % 100:02}"])
        if lang in ("es", "pt"):
            return rng.choice([f"{d.day} de {month} de {d.year}", f"{d.day} de {month} de {d.year}", f"{d.day} de {month}", f"{rng.choice(WEEKDAYS[lang])}, {d.day} de {month} de {d.year}", f"{d.day} {m3}. {d.year}"])
        if lang == "de":
            return rng.choice([f"{d.day}. {month} {d.year}", f"{d.day}. {month}", f"{rng.choice(WEEKDAYS['de'])}, den {d.day}. {month} {d.year}"])
        return rng.choice([f"{d.day} {month} {d.year}", f"{d.day} {month} {d.year}", f"{d.day} {month}", f"{rng.choice(WEEKDAYS[lang])} {d.day} {month} {d.year}", f"{'1er' if lang == 'fr' else d.day} {month} {d.year}"])

    def monthyear(self) -> str:
        d = self._day()
        return f"{MONTHS[self.lang][d.month - 1]}{' de' if self.lang in ('es', 'pt') else ''} {d.year}"

    def year(self) -> str:
        return str(self._day().year)

    def month(self) -> str:
        return self.rng.choice(MONTHS[self.lang])

    def weekday(self) -> str:
        return self.rng.choice(WEEKDAYS[self.lang])

    def time(self) -> str:
        h, m = self.rng.randint(0, 23), self.rng.randint(0, 59)
        return self.rng.choice([f"{h}:{m:02}", f"{h:02}:{m:02}:{m:02}", f"{h % 12 + 1} pm" if self.lang == "en" else f"{h}h{m:02}", f"{h}.{m:02}"])

    # -- contact
    def phone(self) -> str:
        rng = self.rng
        if rng.random() < 0.4:
            code = rng.choice(CALLING[self.lang])
            return self.fill(rng.choice(INTERNATIONAL).format(c=code, d=code[1:]))
        return self.fill(rng.choice(PHONES[self.lang])) + (f" ext. {rng.randint(10, 9999)}" if rng.random() < 0.04 else "")

    def _login(self) -> str:
        rng = self.rng
        first, last = (self.slug(x) or "user" for x in (self.main if rng.random() < 0.5 else (self.first(), self.last())))
        return rng.choice([f"{first}.{last}", f"{first[0]}{last}", f"{first}{last}", f"{first}_{last}", f"{first}{rng.randint(1, 2010)}", f"{last}.{first}", f"{first}-{last}", f"{last}{rng.randint(1, 99)}"])

    def _domain(self) -> str:
        rng = self.rng
        name = rng.choice([self.slug(self.last()), self.slug(invented(rng)), rng.choice(WORDS["en"]) + rng.choice(WORDS["en"]), self.slug(rng.choice(FAMOUS_ORGS))]) or "example"
        return f"{name}.{rng.choice(TLDS)}"

    def email(self) -> str:
        rng = self.rng
        name = rng.choice(["info", "support", "contact", "sales", "hr", "noreply"]) if rng.random() < 0.1 else self._login()
        return f"{name}@{rng.choice(DOMAINS) if rng.random() < 0.5 else self._domain()}"

    def url(self) -> str:
        rng = self.rng
        host = rng.choice(["www.", "", "blog.", "www."]) + self._domain()
        path = rng.choice(["", "", "/", f"/{rng.choice(WORDS['en'])}", f"/{rng.choice(WORDS['en'])}/{rng.randint(1, 9999)}", f"/{self._login()}", f"/{rng.choice(WORDS['en'])}.html", f"/?id={rng.randint(1, 99999)}", "/" + "".join(rng.choices(string.ascii_letters + string.digits, k=6))])
        if rng.random() < 0.15:
            return rng.choice(["http://bit.ly/", "https://t.co/", "http://tinyurl.com/"]) + "".join(rng.choices(string.ascii_letters + string.digits, k=rng.randint(5, 9)))
        return rng.choice(["http://", "https://", "https://", ""] if host.startswith("www.") or path else ["http://", "https://"]) + host + path

    def user_bare(self) -> str:
        rng = self.rng
        tail = rng.choice(["", "", str(rng.randint(1, 999)), "_", "xo", "x", "official"])
        return rng.choice([self._login(), rng.choice(WORDS["en"]) + rng.choice(WORDS["en"]), self.first()]).replace(" ", "") + tail

    def handle(self) -> str:
        return "@" + self.user_bare()

    def user(self) -> str:
        return self.rng.choice(["", "@"]) + self.user_bare()

    def ip(self) -> str:
        rng = self.rng
        if rng.random() < 0.2:
            return ":".join(f"{rng.randint(0, 65535):x}" for _ in range(8)) if rng.random() < 0.5 else f"2001:db8::{rng.randint(0, 65535):x}"
        return ".".join(str(rng.randint(1, 254)) for _ in range(4))

    # -- numbers and credentials
    def card(self) -> str:
        rng = self.rng
        digits = rng.choice(["4", "4", "51", "55", "37", "6011", "2221"])
        digits += "".join(rng.choices(string.digits, k=(15 if digits == "37" else 16) - len(digits) - 1))
        total = sum(d if i % 2 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(map(int, reversed(digits))))
        digits += str(-total % 10)
        sep = rng.choice(["", " ", "-", " "])
        groups = [digits[:4], digits[4:10], digits[10:]] if len(digits) == 15 else [digits[i : i + 4] for i in range(0, 16, 4)]
        return sep.join(groups)

    def iban(self) -> str:
        rng = self.rng
        country, length = rng.choice([("ES", 20), ("FR", 23), ("DE", 18), ("IT", 23), ("PT", 21), ("NL", 14), ("GB", 18), ("BE", 12), ("CH", 17), ("AT", 16)])
        body = "".join(rng.choices(string.digits, k=length))
        if country in ("NL", "GB"):
            body = self.fill("????") + body[4:]
        if country == "IT":
            body = self.fill("?") + body[1:]
        check = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
        text = f"{country}{check:02}{body}"
        return text if rng.random() < 0.45 else " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def acct(self) -> str:
        return self.fill(self.rng.choice(["########", "##########", "############", "####-######", "#### #### ## ##########", "##-##-## ########", "#####-#", "AC######", "#########"]))

    def ssn(self) -> str:
        return self.fill(self.rng.choice(["###-##-####", "###-##-####", "### ## ####", "#########"]))

    def id(self) -> str:
        return self.fill(self.rng.choice(IDS[self.lang])).strip()

    def secret(self) -> str:
        rng = self.rng
        if rng.random() < 0.5:
            word = rng.choice(HARD_WORDS) if rng.random() < 0.6 else self.slug(self.first())
            return rng.choice([word, word.lower(), word.replace("a", "@").replace("o", "0")]) + rng.choice(["", "!", "#", "_"]) + str(rng.randint(1, 2030)) + rng.choice(["", "!", "$", "?"])
        alphabet = rng.choice([string.ascii_letters + string.digits, string.hexdigits.lower(), string.ascii_letters + string.digits + "!#$%&*_-"])
        return rng.choice(SECRET_PREFIXES) + "".join(rng.choices(alphabet, k=rng.choice([8, 10, 12, 16, 20, 24, 32, 40])))

    def age(self) -> str:
        return str(self.rng.randint(1, 99))

    # -- unlabelled
    def word(self) -> str:
        return self.rng.choice(WORDS[self.lang])

    def num(self) -> str:
        rng = self.rng
        return str(rng.choice([rng.randint(0, 12), rng.randint(0, 100), rng.randint(0, 5000)]))

    def money(self) -> str:
        rng, n = self.rng, self.rng.randint(1, 99999)
        return rng.choice([f"${n}", f"${n:,}.{rng.randint(0, 99):02}", f"{n} €", f"€{n}", f"{n} EUR", f"£{n}", f"{n} euros", f"R$ {n}", f"{n},00 €", f"${rng.randint(1, 99)} million"])

    def version(self) -> str:
        r = lambda: self.rng.randint(0, 20)  # noqa: E731
        return self.rng.choice([f"{r()}.{r()}.{r()}", f"v{r()}.{r()}", f"{r()}.{r()}.{r()}-beta{r()}", f"{r()}.{r()}"])

    def product(self) -> str:
        return f"{self.rng.choice(PRODUCTS)} {self.rng.choice(['', self.num(), 'Pro', 'X'])}".strip() if self.rng.random() < 0.5 else self.fill(self.rng.choice(["??-###", "?##", "???###-?", "##-??", "X-####"]))

    def score(self) -> str:
        return f"{self.rng.randint(0, 5)}{self.rng.choice(['-', ':', ' - '])}{self.rng.randint(0, 5)}"

    def sex(self) -> str:
        return self.rng.choice(["male", "female", "M", "F"])
