"""What stands in capitals: small businesses, teams and offices, which are organisations, and films, songs, products and phrases, which are nobody."""

import random

import gazetteer

SHOP_FIRST = """Sunrise Sunset Lakeside Riverside Hillside Golden Silver Royal Premier Elite Classic Modern Family Quality Precision Advanced American National Pacific Atlantic Northern Southern Eastern Western Central
Midtown Downtown Uptown Metro Valley Mountain Ocean Harbor Bay Island Garden Green Blue Red Black White Bright Happy Lucky Perfect Super Best First Village Country Heritage Liberty Victory Eagle Lion Tiger Phoenix Dragon
Crystal Diamond Emerald Pearl Star Moon Sun Rainbow Summit Apex Alpha Omega Delta Global United Universal International Bombay Tokyo Saigon Bangkok Casa La El Le Old New Big Little Tiny Grand Crown Castle Oak Maple Pine Cedar
Willow Rose Lotus Magnolia Cherry Apple Lemon Olive Peach Mango Coffee Fresh Organic Natural Pure Simply Total Complete Express Rapid Budget Discount""".split()
SHOP_LAST = """Auto Repair; Auto Body; Auto Sales; Motors; Tire; Car Wash; Towing; Plumbing; Heating and Air; Electric; Roofing; Construction; Painting; Landscaping; Lawn Care; Pest Control; Cleaners; Dry Cleaning; Carpet Cleaning; Cafe; Coffee; Coffee House; Bakery; Deli; Diner; Grill; Bar & Grill; Pizza
Pizzeria; Sushi; Bistro; Restaurant; Steakhouse; Kitchen; Buffet; Pub; Tavern; Brewery; Inn; Hotel; Suites; Lodge; Resort; Spa; Salon; Hair Salon; Nails; Tanning; Barber Shop; Fitness; Gym; Yoga; Dental; Dental Care; Dentistry; Orthodontics; Chiropractic; Family Practice; Medical Center; Pediatrics; Eye Care; Vision; Hospital
Animal Hospital; Veterinary Clinic; Pet Clinic; Pets; Kennels; Stables; Pharmacy; Books; Bookstore; Music; Records; Video; Photography; Studios; Jewelers; Flowers; Florist; Gifts; Toys; Furniture; Mattress; Appliances; Hardware; Lumber; Supply; Computers; Electronics; Wireless; Software; Systems; Solutions; Technologies; Consulting
Insurance; Realty; Properties; Apartments; Homes; Mortgage; Bank; Credit Union; Capital; Financial; Investments; Partners; Associates; Law Firm; Travel; Tours; Limo; Taxi; Moving; Movers; Storage; Self Storage; Airlines; Cruises; Academy; Preschool; Montessori; Elementary; Middle School; High School; College; University; Institute; Museum; Theatre; Theater; Gallery
Church; Baptist Church; Temple; Mosque; Foundation; Society; Club; Golf Club; Association; League; Council; Party; Union; Army; Brigade; Front; Movement; Energy; Oil; Gas; Power; Pipeline; Steel; Mining; Foods; Market; Farms; Winery; Water; Airways; Logistics; Press; News; Times; Post; Herald; Tribune; Gazette; Magazine; Radio; TV; Network; Media; Pictures; Entertainment; Games; Labs""".replace("\n", ";").split(";")
SHOP_LAST = [x.strip() for x in SHOP_LAST if x.strip()]
TEAMS = "Tigers Lions Bears Eagles Hawks Falcons Wolves Bulls Sharks Panthers Wildcats Bulldogs Rangers Raiders Warriors Knights Kings Giants Titans Rockets Stars United City FC Rovers Wanderers Athletic Celtics Pirates Blues Reds Devils Wizards Hornets Dolphins Rebels Cougars".split()
OFFICES = """Department of Education; Department of Energy; Department of Labor; Department of State; Ministry of Foreign Affairs; Ministry of Health; Ministry of Defence; Board of Education; Board of Directors; Chamber of Commerce; Better Business Bureau; Planning Commission; Public Utilities Commission; CPUC; House Appropriations Committee; Senate Judiciary Committee; Security Council; UN Security Council; General Assembly; European Commission; European Parliament; Bundestag; Politburo; Revolutionary Guard
National Guard; Coast Guard; Secret Service; Interpol; Scotland Yard; Mossad; KGB; MI6; ISI; DEA; ATF; INS; DMV; TSA; FCC; FAA; FEMA; CDC; NIH; NOAA; USDA; HUD; Fannie Mae; Freddie Mac; NYSE; Nasdaq; Dow Jones; S&P; Moody's; Human Rights Watch; Doctors Without Borders; Oxfam; Salvation Army; Boy Scouts; Girl Scouts; Rotary Club; Kiwanis; PETA; NOW; AFL-CIO; Teamsters; ANC; BJP; Congress Party; PPP; Hizb-ut-Tahrir; Tamil Tigers; FARC; ETA; Sinn Fein; Islamic Jihad; Fatah; Knesset; Interior Ministry
Foreign Ministry; Defense Ministry; Iraqi Army; Iraqi police; Pentagon; Bush administration; White House; Governing Council; Northern Alliance; Legal Department; Human Resources; Accounting; ENA; EWS; EBS; Enron North America; Enron Europe; NERC; PJM; ERCOT; Edison; SoCal Edison; Sempra; Reliant; Calpine; Williams; Transwestern; Northwest; Northern Border; Sierra Club; Earth First; LimeWire; Napster; Kazaa; Digg; Tumblr; Pinterest; Vine; Snapchat; WhatsApp; Bebo; AIM; Gmail; Hotmail; Google Maps; Firefox; Mozilla; Red Hat; Novell; SAP; Accenture; Deloitte; KPMG; PwC; McKinsey""".replace("\n", ";").split(";")
OFFICES = [x.strip() for x in OFFICES if x.strip()]

WORKS = """Twilight; New Moon; Eclipse; Harry Potter; The Hobbit; Hunger Games; Avatar; Inception; Titanic; The Matrix; Toy Story; Toy Story 3; Shrek; The Godfather; Jaws; Iron Man; Iron Man 2; Spider-Man; The Dark Knight; Sex and the City; Gossip Girl; Glee; Lost; House; Friends; Seinfeld; The Office; Mad Men; True Blood; Dexter; Heroes; 24; American Idol; X Factor; Big Brother; Jersey Shore; The Hills; Family Guy; South Park; The Simpsons; SpongeBob; Doctor Who; Top Gear; Grey's Anatomy; CSI; NCIS; Law and Order; The Wire; The Sopranos; Breaking Bad; Game of Thrones; Saturday Night Live; The Daily Show; The View; Good Morning America; Meet the Press; 60 Minutes
Moby Dick; War and Peace; The Da Vinci Code; Animal Farm; Catch-22; Hamlet; Macbeth; Romeo and Juliet; The Odyssey; Inferno; Paradise Lost; Great Expectations; Eat Pray Love; The Secret; Halo; Halo Reach; Call of Duty; Black Ops; Modern Warfare 2; World of Warcraft; Guitar Hero; Rock Band; Angry Birds; FarmVille; Final Fantasy; Zelda; Pokemon; Minecraft; Grand Theft Auto; Madden; FIFA 11; The Sims; Bad Romance; Poker Face; Telephone; Like a Virgin; Thriller; Billie Jean; Imagine; Yesterday; Hey Jude; Let It Be; Stairway to Heaven; Bohemian Rhapsody; California Gurls; Baby; One Time; Empire State of Mind; Just Dance; Single Ladies; Halo
iPad; iPhone 4; iPod; iPod Touch; MacBook; MacBook Pro; iMac; Kindle; Nook; Blackberry; BlackBerry Torch; Droid; Droid X; Android; Galaxy S; Nexus One; Palm Pre; Xbox 360; Xbox Live; PS3; PSP; Wii; Nintendo DS; Windows 7; Windows XP; Vista; Office 2007; Outlook; Photoshop; Flash; Java; Linux; Ubuntu; Prius; Camry; Corolla; Civic; Accord; Mustang; F-150; Corvette; Camaro; Jeep Wrangler; Explorer; Escalade; Beetle; Red Bull; Mountain Dew; Dr Pepper; Coke Zero; Sprite; Guinness; Budweiser; Corona; Heineken; Jack Daniels; Grey Goose; Nutella; Oreos; Doritos; Cheetos; Pringles; Snickers; M&Ms; Skittles; Twix; Big Mac; Whopper; McRib; Frappuccino; Vicodin; Viagra; Advil; Tylenol; Botox; Ambien""".replace("\n", ";").split(";")
WORKS = list(dict.fromkeys([*(x.strip() for x in WORKS if x.strip()), *gazetteer.names("works")]))

CAPS_WORDS = """the of and in for to a on with your my all new best free top last first great good big small hot cold high low long short open closed daily weekly monthly annual special general final early late full
customer service gold standard business plan project report meeting agenda update review question answer problem solution help support order payment invoice receipt delivery shipping return policy terms conditions privacy notice warning danger caution
news story article post blog comment reply photo video music movie show game song book chapter page section part unit lesson course class test exam score grade team player coach season match race final cup league trophy award prize winner
health care doctor medicine treatment diet weight exercise sleep stress pain heart cancer diabetes food recipe dinner lunch breakfast chicken beef fish rice salad soup bread cheese chocolate cake coffee tea wine beer water juice sugar salt
home garden kitchen bedroom bathroom door window floor roof wall table chair bed lamp house apartment rent sale price cost budget money tax bank loan credit debt fund stock market trade growth crisis war peace treaty law rights act bill vote election campaign
man woman boy girl baby child kids people world life love death time day night week month year summer winter spring autumn weekend holiday vacation trip travel flight ticket passport beach mountain river lake sea ocean island forest tree flower dog cat horse bird
computer phone internet website email password software hardware system network server data file folder print screen keyboard mouse camera battery power energy gas oil electric engine car truck bike road street traffic parking bridge train bus plane ship station airport
school college university student teacher library office job work career manager director agent assistant engineer driver nurse police fire army soldier king queen president governor senator judge captain king prince princess angel devil god heaven hell
red blue green black white yellow orange purple pink brown silver dark light bright deep true real fake false happy sad crazy funny stupid smart easy hard fast slow strong weak rich poor old young dead alive wild lost found broken
how what when where why who which this that these those is are was were do does did can could will would should may might must not no yes never always only just more most less least very too also still again ever here there now then today tomorrow yesterday tonight
make take get give go come see look find know think want need use try ask tell call write read learn teach buy sell pay save win lose play run walk drive fly eat drink cook clean wash fix build break cut open close start stop watch listen wait stay leave move live die kill fight hate miss hope dream wish believe remember forget""".split()


def shop(rng: random.Random, name: str, place: str) -> str:
    """An organisation that no list has: a small business, a local club, an office."""
    r = rng.random()
    if r < 0.12:
        return rng.choice(OFFICES)
    if r < 0.20:
        return f"{place} {rng.choice(TEAMS)}" if rng.random() < 0.6 else f"the {rng.choice(TEAMS)}"[4 * (rng.random() < 0.5):]
    first = rng.choice([rng.choice(SHOP_FIRST), rng.choice(SHOP_FIRST), name + "'s", name, place, f"{rng.choice(SHOP_FIRST)} {rng.choice(SHOP_FIRST)}", f"{place} {rng.choice(SHOP_FIRST)}"])
    last = rng.choice(SHOP_LAST) if rng.random() < 0.85 else f"{rng.choice(SHOP_LAST)} of {place}"
    return rng.choice(["The ", "", "", "", ""]) + f"{first} {last}" + rng.choice(["", "", "", "", "", " Inc.", " Co.", " LLC", " Ltd"])


def caps(rng: random.Random) -> str:
    """One to five common words in capitals: a heading, a title, a thing somebody finds important."""
    words = rng.choices(CAPS_WORDS, k=rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5]))
    if rng.random() < 0.12:
        return " ".join(words).upper()
    return " ".join(w if w in {"the", "of", "and", "in", "for", "to", "a", "on", "with"} and i else w.capitalize() for i, w in enumerate(words))


def work(rng: random.Random) -> str:
    """A film, series, book, song, game or product."""
    text = rng.choice(WORKS) if rng.random() < 0.6 else caps(rng)
    return f'"{text}"' if rng.random() < 0.2 else text
