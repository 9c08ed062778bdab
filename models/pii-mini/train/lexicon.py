"""Short hand-written word lists that Faker lacks: well-known places, organisations, nationalities, calendar words."""

LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "nl"]

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
MONTHS = {k: v.split() for k, v in MONTHS.items()}
WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
}
WEEKDAYS = {k: v.split() for k, v in WEEKDAYS.items()}

NATIONALITIES = {
    "en": "American British English Scottish Welsh Irish Spanish French German Italian Portuguese Dutch Belgian Swiss Austrian Polish Czech Hungarian Romanian Bulgarian Greek Turkish Russian Ukrainian Swedish Norwegian Danish Finnish Chinese Japanese Korean Vietnamese Thai Indian Pakistani Bangladeshi Iranian Iraqi Syrian Lebanese Israeli Palestinian Egyptian Moroccan Algerian Tunisian Nigerian Kenyan Ethiopian Somali Ghanaian Mexican Colombian Brazilian Argentinian Chilean Peruvian Cuban Canadian Australian Filipino Indonesian Malaysian Kurdish Chechen Catholic Muslim Jewish Christian Hindu Buddhist Sikh Protestant Hispanic Latino",
    "es": "español española francés francesa alemán alemana italiano italiana portugués británico inglés estadounidense mexicano mexicana colombiano argentino argentina chileno peruano venezolano cubano turco turca ruso rusa ucraniano polaco rumano rumana búlgaro griego marroquí argelino chino japonés indio búlgara austríaco suizo belga holandés sueco finlandés húngaro checo croata serbio kurdo católico musulmán judío",
    "fr": "français française espagnol espagnole allemand allemande italien italienne portugais britannique anglais américain américaine turc turque russe ukrainien polonais roumain roumaine bulgare grec grecque marocain marocaine algérien tunisien sénégalais chinois japonais indien autrichien suisse belge néerlandais suédois finlandais hongrois tchèque croate serbe kurde canadien catholique musulman juif",
    "de": "deutsch österreichisch schweizerisch französisch spanisch italienisch türkisch russisch ukrainisch polnisch rumänisch griechisch syrisch afghanisch irakisch iranisch britisch amerikanisch niederländisch kroatisch serbisch chinesisch japanisch indisch katholisch evangelisch muslimisch jüdisch",
    "it": "italiana italiano francese spagnola spagnolo tedesca tedesco rumena rumeno albanese marocchina marocchino cinese ucraina ucraino russa polacca inglese americana americano turca svizzera brasiliana argentina cattolico musulmano ebreo",
    "pt": "portuguesa português brasileira brasileiro angolana angolano moçambicana espanhola espanhol francesa francês alemã alemão italiana italiano inglesa americana americano chinesa japonesa ucraniana russa romena católico muçulmano judeu",
    "nl": "Nederlandse Belgische Duitse Franse Spaanse Italiaanse Turkse Marokkaanse Surinaamse Poolse Russische Oekraïense Syrische Britse Amerikaanse Chinese Indiase Portugese katholiek islamitisch joods",
}
NATIONALITIES = {k: v.split() for k, v in NATIONALITIES.items()}

WORLD_CITIES = [c.strip() for c in """
London, Paris, Berlin, Madrid, Rome, Lisbon, Amsterdam, Brussels, Vienna, Zurich, Geneva, Dublin, Edinburgh, Glasgow, Manchester,
Birmingham, Liverpool, Leeds, Bristol, Cardiff, Belfast, Oxford, Cambridge, New York, New York City, NYC, Los Angeles, LA, Chicago, Houston,
Phoenix, Philadelphia, San Antonio, San Diego, Dallas, San Jose, Austin, Jacksonville, San Francisco, Columbus, Indianapolis, Seattle,
Denver, Washington, Washington DC, Washington, D.C., D.C., Boston, El Paso, Nashville, Detroit, Portland, Las Vegas, Memphis, Louisville, Baltimore, Milwaukee,
Albuquerque, Tucson, Fresno, Sacramento, Kansas City, Atlanta, Omaha, Miami, Tampa, Orlando, Oakland, Minneapolis, Cleveland, New Orleans, Honolulu,
Pittsburgh, Cincinnati, St. Louis, Buffalo, Salt Lake City, Toronto, Montreal, Vancouver, Ottawa, Calgary, Mexico City, Guadalajara, Bogotá, Lima,
Santiago, Buenos Aires, São Paulo, Rio de Janeiro, Brasília, Salvador, Havana, Caracas, Quito, Tokyo, Osaka, Kyoto, Seoul, Beijing, Shanghai, Hong Kong,
Taipei, Singapore, Bangkok, Hanoi, Jakarta, Bali, Manila, Kuala Lumpur, Delhi, New Delhi, Mumbai, Bangalore, Chennai, Kolkata, Karachi, Lahore,
Islamabad, Dhaka, Kabul, Tehran, Baghdad, Fallujah, Mosul, Basra, Damascus, Aleppo, Beirut, Jerusalem, Tel Aviv, Gaza, Amman, Riyadh, Jeddah, Dubai,
Abu Dhabi, Doha, Kuwait City, Cairo, Alexandria, Tripoli, Tunis, Algiers, Casablanca, Rabat, Lagos, Abuja, Accra, Nairobi, Addis Ababa,
Khartoum, Kampala, Johannesburg, Cape Town, Durban, Sydney, Melbourne, Brisbane, Perth, Auckland, Wellington, Moscow, St. Petersburg, Kiev, Kyiv,
Minsk, Warsaw, Krakow, Prague, Budapest, Bucharest, Sofia, Athens, Istanbul, Ankara, Izmir, Diyarbakır, Belgrade, Zagreb, Sarajevo, Stockholm, Oslo, Copenhagen,
Helsinki, Tallinn, Riga, Vilnius, Strasbourg, Lyon, Marseille, Toulouse, Nice, Bordeaux, Lille, Nantes, Barcelona, Valencia, Sevilla, Bilbao, Zaragoza,
Málaga, Granada, Munich, München, Hamburg, Köln, Frankfurt, Stuttgart, Dresden, Leipzig, Milano, Napoli, Torino, Firenze, Venezia, Bologna, Porto, Coimbra,
Rotterdam, Utrecht, Den Haag, Eindhoven, Antwerpen, Gent, Londres, Parigi, Roma, Lisboa, Moscou, Moscú, Estambul, Estrasburgo, Atenas, Varsovia, Viena, Genève, Bruxelles""".replace("\n", " ").split(",") if c.strip()]

REGIONS = [c.strip() for c in """
Europe, Africa, Asia, North America, South America, Latin America, the Middle East, Middle East, Scandinavia, the Balkans, Siberia, Texas, California, Florida, Ohio, Georgia, Virginia,
Nevada, Oregon, Alaska, Hawaii, Michigan, New Jersey, New England, Silicon Valley, Manhattan, Brooklyn, Queens, the Bronx, Hollywood, Downtown, Chinatown,
Bavaria, Catalonia, Andalucía, Normandy, Provence, Tuscany, Sicily, Sardinia, Kashmir, Punjab, Kerala, Gujarat, Quebec, Ontario, Alberta, Kurdistan, Chechnya, Crimea,
West Bank, Gaza Strip, Golan Heights, the Pacific, Lake Michigan, Mississippi, Amazon, Nile, Alps, Himalayas, Rocky Mountains, Grand Canyon, Central Park,
Times Square, Wall Street, Fifth Avenue, Main Street, Heathrow, JFK, LAX, Central America, East Coast, West Coast, Bay Area, Long Island, Mars, Earth, the Moon,
Yorkshire, Kent, Cornwall, Wales, Scotland, England, Northern Ireland, Great Britain, UK, U.K., USA, U.S., US, U.S.A., UAE, EU, America""".replace("\n", " ").split(",") if c.strip()]

COUNTRY_FORMS = {
    "en": "Russia Turkey Iran Syria Iraq Afghanistan Vietnam Korea England Holland Britain China Japan India Israel Pakistan Germany France Italy Spain Mexico Canada".split(),
    "es": ["Turquía", "Rusia", "Alemania", "Francia", "Italia", "España", "Grecia", "Polonia", "Rumanía", "Reino Unido", "Estados Unidos", "Suiza", "Bélgica", "Países Bajos", "Marruecos"],
    "fr": ["Turquie", "Russie", "Allemagne", "France", "Italie", "Espagne", "Grèce", "Pologne", "Roumanie", "Royaume-Uni", "États-Unis", "Suisse", "Belgique", "Pays-Bas", "Maroc"],
    "de": ["Türkei", "Russland", "Deutschland", "Österreich", "Schweiz", "Frankreich", "Italien", "Polen", "USA"],
    "it": ["Turchia", "Russia", "Germania", "Francia", "Italia", "Svizzera", "Albania", "Stati Uniti"],
    "pt": ["Portugal", "Brasil", "Angola", "Moçambique", "Alemanha", "França", "Espanha", "Estados Unidos"],
    "nl": ["Nederland", "België", "Duitsland", "Frankrijk", "Marokko", "Turkije", "Suriname", "Verenigde Staten"],
}

FAMOUS_ORGS = [o.strip() for o in """
Google, Microsoft, Apple, Amazon, Facebook, Twitter, Yahoo, IBM, Intel, Oracle, Enron, Walmart, Wal-Mart, Target, Starbucks, McDonald's, McDonalds, Subway, Costco, Best Buy,
Home Depot, IKEA, Nike, Adidas, Samsung, Sony, Nokia, Toyota, Honda, Ford, GM, BMW, Volkswagen, Siemens, Bosch, Shell, BP, Exxon, Chevron, Citibank, HSBC, Barclays, Santander, BBVA,
ING, Rabobank, Deutsche Bank, Goldman Sachs, Morgan Stanley, JP Morgan, Bank of America, Wells Fargo, Visa Inc., PayPal, eBay, Netflix, Disney, CNN, BBC, NBC, CBS, Fox News, Reuters, AP,
Associated Press, New York Times, Washington Post, The Guardian, Wall Street Journal, Al Jazeera, UN, United Nations, NATO, European Union, EU, WHO, UNESCO, IMF, World Bank, FBI, CIA, NSA,
NASA, Pentagon, Congress, Senate, House of Representatives, Supreme Court, White House, Republican Party, Democratic Party, GOP, Labour Party, Hamas, Hezbollah, Al Qaeda, Taliban, ISIS,
Red Cross, Greenpeace, Amnesty International, Harvard, Yale, MIT, Stanford, UCLA, NYU, Oxford University, Princeton, Manchester United, Chelsea, Arsenal, Liverpool FC, Real Madrid, FC Barcelona, Bayern,
Juventus, Lakers, Yankees, Red Sox, Cowboys, Patriots, Giants, NFL, NBA, MLB, NHL, FIFA, UEFA, IOC, Delta, United Airlines, Lufthansa, Air France, Ryanair, FedEx, UPS, DHL, USPS, Hilton, Marriott,
Verizon, AT&T, Comcast, T-Mobile, Vodafone, Orange, Telefónica, Pfizer, Novartis, Roche, Bayer, Sainsbury's, Tesco, Marks & Spencer, Macy's, Walgreens, CVS, KFC, Burger King, Pizza Hut, Domino's,
YouTube, Instagram, LinkedIn, Reddit, Wikipedia, GitHub, Spotify, Uber, Airbnb, Tesla, SpaceX, Petsmart, Petco, IRS, FDA, EPA, SEC, FERC, DOJ, NHS, CNRS, SNCF, RATP, INPS, ENEL, Petrobras, Philips, Heineken""".replace("\n", " ").split(",") if o.strip()]

COURTS = {
    "en": ["Supreme Court", "High Court of {c}", "{c} District Court", "Court of Appeal", "European Court of Human Rights", "Ministry of Justice", "Ministry of the Interior", "Department of Health", "Department of Defense", "City of {c} Police Department", "{c} Police"],
    "es": ["Tribunal Supremo", "Audiencia Nacional", "Tribunal Constitucional", "Tribunal Europeo de Derechos Humanos", "Juzgado de Primera Instancia de {c}", "Audiencia Provincial de {c}", "Tribunal Superior de Justicia de {c}", "Ministerio de Justicia", "Ministerio del Interior", "Tribunal de Casación", "Tribunal de Seguridad del Estado de {c}", "Tribunal Regional de {c}", "Comisión Europea de Derechos Humanos", "Ayuntamiento de {c}", "Fiscalía de {c}"],
    "fr": ["Cour de cassation", "Conseil d'État", "Cour européenne des droits de l'homme", "tribunal de grande instance de {c}", "cour d'appel de {c}", "cour d'assises de {c}", "cour de sûreté de l'Etat de {c}", "tribunal administratif de {c}", "ministère de la Justice", "ministère de l'Intérieur", "Commission européenne des droits de l'homme", "mairie de {c}", "parquet de {c}", "Cour administrative suprême", "tribunal régional de {c}"],
    "de": ["Bundesgerichtshof", "Amtsgericht {c}", "Landgericht {c}", "Oberlandesgericht {c}", "Bundesministerium der Justiz", "Stadt {c}", "Finanzamt {c}", "Europäischer Gerichtshof für Menschenrechte"],
    "it": ["Corte di Cassazione", "Tribunale di {c}", "Corte d'Appello di {c}", "Ministero dell'Interno", "Comune di {c}", "Procura di {c}"],
    "pt": ["Supremo Tribunal Federal", "Tribunal de Justiça de {c}", "Ministério da Justiça", "Câmara Municipal de {c}", "Prefeitura de {c}", "Polícia Federal"],
    "nl": ["Hoge Raad", "rechtbank {c}", "gerechtshof {c}", "ministerie van Justitie", "gemeente {c}", "Belastingdienst"],
}
ORG_PATTERNS = {
    "en": ["University of {c}", "{c} University", "{c} General Hospital", "{c} High School", "St. {f}'s Hospital", "Bank of {c}", "{c} Community College", "{c} City Council", "{c} United", "{c} Airlines",
           "{l} & Sons", "{l}'s Auto Repair", "{f}'s Pizza", "{f}'s Cafe", "The {c} Times", "{l} Foundation", "{l} Institute", "{l} Brothers", "{l}, {l2} & {l3} LLP", "{l} Dental", "{c} Animal Hospital", "{c} Inn", "{l} Motors", "{l} Realty", "Hotel {c}", "{c} Fire Department", "{l} Elementary School"],
    "es": ["Universidad de {c}", "Hospital {f} {l}", "Hospital Universitario de {c}", "Banco de {c}", "Talleres {l}", "Hermanos {l} S.L.", "Restaurante Casa {f}", "Colegio San {f}", "Clínica {l}", "Real {c}"],
    "fr": ["Université de {c}", "CHU de {c}", "Hôpital {f} {l}", "Lycée {f} {l}", "Boulangerie {l}", "Garage {l}", "Banque de {c}", "Olympique de {c}", "Clinique {l}", "Collège {f} {l}"],
    "de": ["Universität {c}", "Universitätsklinikum {c}", "Klinikum {c}", "Sparkasse {c}", "Bäckerei {l}", "Autohaus {l}", "{l} & Söhne", "Gymnasium {c}", "FC {c}", "Stadtwerke {c}", "{l}-Schule"],
    "it": ["Università di {c}", "Ospedale San {f}", "Banca di {c}", "Liceo {l}", "Trattoria da {f}", "Officina {l}", "Clinica {l}", "Policlinico di {c}"],
    "pt": ["Universidade de {c}", "Hospital São {f}", "Banco de {c}", "Escola {f} {l}", "Padaria {l}", "Oficina {l}", "Clínica {l}", "Colégio {l}"],
    "nl": ["Universiteit {c}", "Ziekenhuis {c}", "Bakkerij {l}", "Garage {l}", "Basisschool {f}", "Sint {f} Ziekenhuis", "FC {c}", "Hogeschool {c}"],
}
STREETS = {
    "en": ["{n} {w} Street", "{n} {w} St", "{n} {w} Ave", "{n} {w} Avenue, Apt {m}", "{n} {w} Road", "{n} {w} Rd.", "{n} {w} Lane", "{n} {w} Blvd", "{n} N. {w} Dr", "Flat {m}, {n} {w} Court", "P.O. Box {n}", "{n} West {m}th Street", "Unit {m}/{n} {w} Close"],
    "es": ["Calle {w}, {n}", "C/ {w} {n}, {m}º B", "Avenida de {w}, {n}", "Avda. {w} {n}", "Plaza de {w}, {n}", "Paseo de {w} {n}, piso {m}", "calle {w} nº {n}"],
    "fr": ["{n} rue {w}", "{n}, rue de {w}", "{n} avenue {w}", "{n} bis, boulevard {w}", "{n} place de {w}", "{n}, chemin de {w}", "{n} allée {w}"],
    "de": ["{w}straße {n}", "{w}str. {n}", "{w}weg {n}", "Am {w} {n}", "{w}platz {n}", "{w}-Straße {n}a", "{w}gasse {n}"],
    "it": ["via {w} {n}", "Via {w}, {n}", "piazza {w} {n}", "viale {w}, {n}", "corso {w} {n}", "largo {w}, {n}"],
    "pt": ["Rua {w}, {n}", "Rua {w}, n.º {n}, {m}º Esq.", "Avenida {w}, {n}", "Av. {w}, {n}, apto {m}", "Travessa {w}, {n}", "Praça {w}, {n}"],
    "nl": ["{w}straat {n}", "{w}laan {n}", "{w}weg {n}-{m}", "{w}plein {n}", "{w}kade {n}", "{w}gracht {n} hs"],
}
POSTCODES = {"en": ["#####", "#####-####", "?# #??", "??## #??"], "es": ["#####"], "fr": ["#####"], "de": ["#####"], "it": ["#####"], "pt": ["####-###", "#####-###"], "nl": ["#### ??"]}
WORDS = {
    "en": "oak river market blue garden window project summer order table paper water system simple office sale music report level data field green winter light stone bridge".split(),
    "es": "mercado jardín río norte sol libro casa orden mesa agua informe luz piedra puente verano".split(),
    "fr": "marché jardin rivière nord soleil livre maison table eau rapport lumière pierre pont été".split(),
    "de": "Markt Garten Fluss Norden Sonne Buch Haus Tisch Wasser Bericht Licht Stein Brücke Sommer".split(),
    "it": "mercato giardino fiume nord sole libro casa tavolo acqua luce pietra ponte estate".split(),
    "pt": "mercado jardim rio norte sol livro casa mesa água relatório luz pedra ponte verão".split(),
    "nl": "markt tuin rivier noord zon boek huis tafel water rapport licht steen brug zomer".split(),
}
PRODUCTS = "Galaxy iPhone ThinkPad PlayStation Xbox Kindle Corolla Civic Focus Model-T Windows Ubuntu Firefox Chrome Excel Photoshop Kubernetes Postgres Redis Node.js TensorFlow Minecraft Zelda Lego Echo Pixel".split()
KEYS = {
    "PERSON": {"en": ["name", "full_name", "customer", "contact", "Patient", "Name", "employee", "author", "Applicant"], "es": ["nombre", "cliente", "paciente"], "fr": ["nom", "client", "patient"], "de": ["name", "kunde", "patient"], "it": ["nome", "cliente", "paziente"], "pt": ["nome", "cliente", "paciente"], "nl": ["naam", "klant", "patiënt"]},
    "EMAIL": {"en": ["email", "e-mail", "mail", "contact_email"], "es": ["correo"], "fr": ["courriel", "email"], "de": ["email"], "it": ["email"], "pt": ["email"], "nl": ["email"]},
    "PHONE": {"en": ["phone", "tel", "mobile", "phone_number", "Fax"], "es": ["teléfono", "móvil"], "fr": ["téléphone", "portable"], "de": ["telefon", "handy"], "it": ["telefono", "cellulare"], "pt": ["telefone", "celular"], "nl": ["telefoon", "mobiel"]},
    "ADDRESS": {"en": ["address", "street", "shipping_address", "Home address"], "es": ["dirección", "domicilio"], "fr": ["adresse"], "de": ["adresse", "anschrift"], "it": ["indirizzo"], "pt": ["endereço", "morada"], "nl": ["adres"]},
    "LOCATION": {"en": ["city", "country", "location", "birthplace", "state"], "es": ["ciudad", "país"], "fr": ["ville", "pays"], "de": ["stadt", "ort", "land"], "it": ["città", "paese"], "pt": ["cidade", "país"], "nl": ["stad", "land"]},
    "DATE": {"en": ["date", "dob", "birth_date", "created", "Date of birth", "due"], "es": ["fecha", "fecha de nacimiento"], "fr": ["date", "date de naissance"], "de": ["datum", "geburtsdatum"], "it": ["data", "data di nascita"], "pt": ["data", "data de nascimento"], "nl": ["datum", "geboortedatum"]},
    "ORGANIZATION": {"en": ["company", "employer", "organization", "school", "bank"], "es": ["empresa"], "fr": ["entreprise", "société"], "de": ["firma", "arbeitgeber"], "it": ["azienda"], "pt": ["empresa"], "nl": ["bedrijf", "werkgever"]},
    "ID_NUMBER": {"en": ["ssn", "id", "passport", "employee_id", "customer_id", "national_id", "SSN", "license", "MRN", "case_no", "policy"], "es": ["dni", "expediente"], "fr": ["dossier", "nir"], "de": ["kundennummer", "steuer_id"], "it": ["codice_fiscale"], "pt": ["cpf", "rg"], "nl": ["bsn"]},
    "IBAN": {"en": ["iban", "IBAN"], "es": ["iban"], "fr": ["IBAN"], "de": ["IBAN"], "it": ["iban"], "pt": ["iban"], "nl": ["iban"]},
    "CREDIT_CARD": {"en": ["card", "card_number", "cc", "Credit card"], "es": ["tarjeta"], "fr": ["carte"], "de": ["karte", "kreditkarte"], "it": ["carta"], "pt": ["cartão"], "nl": ["kaart"]},
    "ACCOUNT_NUMBER": {"en": ["account", "acct", "account_no", "routing"], "es": ["cuenta"], "fr": ["compte"], "de": ["konto"], "it": ["conto"], "pt": ["conta"], "nl": ["rekening"]},
    "USERNAME": {"en": ["user", "username", "login", "handle"], "es": ["usuario"], "fr": ["identifiant"], "de": ["benutzer"], "it": ["utente"], "pt": ["usuário"], "nl": ["gebruiker"]},
    "SECRET": {"en": ["password", "token", "api_key", "secret", "passwd", "client_secret"], "es": ["contraseña"], "fr": ["mot_de_passe"], "de": ["passwort"], "it": ["password"], "pt": ["senha"], "nl": ["wachtwoord"]},
    "URL": {"en": ["url", "website", "homepage", "link"], "es": ["web"], "fr": ["site"], "de": ["webseite"], "it": ["sito"], "pt": ["site"], "nl": ["website"]},
    "IP_ADDRESS": {"en": ["ip", "client_ip", "remote_addr"], "es": ["ip"], "fr": ["ip"], "de": ["ip"], "it": ["ip"], "pt": ["ip"], "nl": ["ip"]},
    "AGE": {"en": ["age", "Age"], "es": ["edad"], "fr": ["âge"], "de": ["alter"], "it": ["età"], "pt": ["idade"], "nl": ["leeftijd"]},
    "TITLE": {"en": ["job", "job_title", "occupation", "Position"], "es": ["puesto", "profesión"], "fr": ["profession", "poste"], "de": ["beruf"], "it": ["professione"], "pt": ["profissão", "cargo"], "nl": ["beroep"]},
    "NATIONALITY": {"en": ["nationality", "religion", "ethnicity"], "es": ["nacionalidad"], "fr": ["nationalité"], "de": ["nationalität"], "it": ["cittadinanza"], "pt": ["nacionalidade"], "nl": ["nationaliteit"]},
}
NEUTRAL_FIELDS = {  # key -> kind of unlabelled value
    "en": ["status", "quantity", "price", "version", "enabled", "count", "score", "size", "type", "sku", "level", "notes"],
    "es": ["estado", "cantidad", "precio", "tipo"], "fr": ["statut", "quantité", "prix", "type"], "de": ["status", "menge", "preis", "typ"],
    "it": ["stato", "quantità", "prezzo", "tipo"], "pt": ["situação", "quantidade", "preço", "tipo"], "nl": ["status", "aantal", "prijs", "type"],
}
NICKNAMES = "Bob Bobby Billy Mike Mikey Tom Tommy Jim Jimmy Joe Joey Dan Danny Dave Nick Alex Sam Sammy Kate Katie Liz Beth Becky Jen Jenny Jess Meg Peggy Sue Suzy Tony Ron Ronnie Chuck Charlie Ed Eddie Ted Teddy Will Pete Steve Chris Matt Andy Greg Jeff Ken Kenny Ray Rob Rick Ricky Larry Barry Gary Pepe Paco Lola Nacho Maite Nico Lucho Manu Titou Fifi Gigi Beppe Ze Zé Duda Jan Piet Kees Henk Uli Heinz Fritz Sepp Mo Abdul Ali Omar Hassan Saddam Osama Vladimir Boris Hu Wei Li Chen Raj Priya Amit".split()
