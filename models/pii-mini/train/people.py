"""Names that are common in English-language text, given names, surnames and public figures: flat lists of rare names alone
would leave the model without the ones it will meet most."""

FIRST = """James John Robert Michael William David Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Mark Donald Steven Paul Andrew Joshua
Kenneth Kevin Brian George Timothy Ronald Edward Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel
Gregory Alexander Frank Patrick Raymond Jack Dennis Jerry Tyler Aaron Jose Adam Nathan Henry Douglas Zachary Peter Kyle Noah Ethan Jeremy Walter Christian
Keith Roger Terry Austin Sean Gerald Carl Harold Dylan Arthur Lawrence Jordan Jesse Bryan Billy Bruce Gabriel Joe Logan Alan Juan Albert Willie Elijah
Wayne Randy Vincent Mason Roy Ralph Bobby Russell Bradley Philip Eugene Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy
Betty Sandra Margaret Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Sharon Cynthia Dorothy Amy Kathleen Angela
Shirley Emma Brenda Pamela Nicole Anna Samantha Katherine Christine Debra Rachel Carolyn Janet Maria Olivia Heather Helen Catherine Diane Julie Victoria
Joyce Lauren Kelly Christina Ruth Joan Virginia Judith Evelyn Hannah Andrea Megan Cheryl Jacqueline Madison Teresa Abigail Sophia Martha Sara Gloria Janice
Kathryn Ann Isabella Judy Charlotte Julia Grace Amber Alice Jean Denise Frances Danielle Marilyn Natalie Beverly Diana Brittany Theresa Kayla Alexis Doris
Lori Tiffany Britney Miley Selena Taylor Ben Vince Jeff Steve Mike Tom Chris Matt Dave Bill Jim Bob Dan Sam Tim Ron Ken Greg Rick Kate Kim Sue Jen
Liz Beth Pam Tina Tracy Stacy Wendy Holly Ali Ahmed Mohammed Muhammad Omar Hassan Ibrahim Fatima Aisha Yusuf Carlos Luis Jorge Pedro Miguel Javier Sofia
Lucia Carmen Ana Pierre Jacques Marie Claire Sophie Hans Klaus Jürgen Petra Sabine Giovanni Marco Luca Giulia João Paulo Tiago Beatriz Jan Pieter Willem
Sanne Lotte Vladimir Sergei Ivan Olga Natasha Yuri Dmitri Wei Ming Li Hiroshi Yuki Kenji Raj Sanjay Priya Anil Sunil Deepak Kofi Kwame Chidi Ngozi Tariq""".split()

LAST = """Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin
Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker
Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers
Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes
Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes Fisher Vasquez
Simmons Graham Murray Ford Hamilton Wallace Cole West Jordan Owens Reynolds Gibson Ellis Harrison Hunter Khan Singh Kumar Sharma Gupta Shah Chen Wang Li Zhang
Liu Yang Huang Wu Tanaka Suzuki Sato Yamamoto Park Choi Ivanov Petrov Smirnov Kuznetsov Novak Kowalski Horvath Nagy Popescu Papadopoulos Yilmaz Demir Kaya
Cohen Levi Mizrahi Haddad Khalil Mansour Okafor Mensah Mbeki Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Dubois Durand Leroy
Moreau Laurent Lefebvre Rossi Russo Ferrari Esposito Bianchi Silva Santos Oliveira Souza Pereira Costa Almeida De Vries Jansen Bakker Visser Smit""".split()

FIGURES = [n.strip() for n in """
Barack Obama, Obama, George Bush, George W. Bush, Bush, Bill Clinton, Hillary Clinton, Clinton, Donald Trump, Trump, Joe Biden, John McCain, McCain, Sarah Palin, Palin, Al Gore, Gore,
John Kerry, Kerry, Dick Cheney, Cheney, Rumsfeld, Condoleezza Rice, Colin Powell, Ronald Reagan, Reagan, Nixon, Kennedy, Lincoln, Roosevelt, Tony Blair, Blair, David Cameron, Cameron,
Gordon Brown, Thatcher, Churchill, Angela Merkel, Merkel, Sarkozy, Chirac, Berlusconi, Zapatero, Putin, Vladimir Putin, Medvedev, Yeltsin, Stalin, Lenin, Hitler, Mussolini, Saddam Hussein,
Saddam, Osama bin Laden, Bin Laden, bin Laden, Zarqawi, Zawahiri, Gaddafi, Mubarak, Assad, Ahmadinejad, Khamenei, Khomeini, Arafat, Yasser Arafat, Abbas, Sharon, Ariel Sharon, Netanyahu, Rabin, Musharraf,
Benazir Bhutto, Karzai, Maliki, Sistani, Gandhi, Nehru, Mao, Hu Jintao, Kim Jong Il, Mandela, Nelson Mandela, Mugabe, Hugo Chavez, Chavez, Castro, Fidel Castro, Lula, Evo Morales,
Pope Benedict, Pope Francis, Jesus, Jesus Christ, Buddha, Muhammad, Shakespeare, Einstein, Darwin, Marx, Freud, Plato, Newton, Galileo, Mozart, Beethoven, Bach, Picasso, Van Gogh,
Michael Jackson, MJ, Madonna, Elvis, Elvis Presley, John Lennon, Bob Dylan, Bob Marley, Eminem, Jay-Z, Kanye West, Kanye, Drake, Rihanna, Beyonce, Lady Gaga, Gaga, Katy Perry, Taylor Swift,
Selena Gomez, Miley Cyrus, Miley, Britney Spears, Britney, Paris Hilton, Kim Kardashian, Nicki Minaj, Lil Wayne, Usher, Chris Brown, Shakira, Adele, Demi Lovato,
Zac Efron, Robert Pattinson, Kristen Stewart, Johnny Depp, Brad Pitt, Angelina Jolie, Tom Cruise, Will Smith, Leonardo DiCaprio, Oprah, Oprah Winfrey, Ellen, Conan, Letterman, Jay Leno, Jon Stewart,
Glenn Beck, Rush Limbaugh, Bill O'Reilly, Steve Jobs, Bill Gates, Mark Zuckerberg, Zuckerberg, Warren Buffett, Elon Musk, Larry Page, Ken Lay, Jeff Skilling, Skilling, Fastow,
Tiger Woods, Michael Jordan, LeBron James, LeBron, Kobe Bryant, Kobe, Shaq, Tom Brady, Brady, Peyton Manning, Brett Favre, Favre, Tim Tebow, Michael Vick, Vick, Derek Jeter, A-Rod,
David Beckham, Beckham, Ronaldo, Messi, Rooney, Zidane, Roger Federer, Federer, Nadal, Serena Williams, Harry Potter, Batman, Sherlock Holmes, Edward Cullen, Bella, JK Rowling, Stephen King, Dan Brown""".replace("\n", " ").split(",") if n.strip()]

ORGS = [n.strip() for n in """
Google, Myspace, MySpace, Skype, Sony, HP, Dell, Cisco, AOL, MSN, Adobe, Nintendo, Nokia, BlackBerry, RIM, Comcast, DirecTV, Sprint, AT&T, T Mobile, ESPN, MTV, HBO, ABC, NPR, PBS, BBC News, CNBC, Bloomberg, Fox,
The New York Times, NY Times, NYT, LA Times, USA Today, Newsweek, Time Magazine, Washington Times, Guardian, Huffington Post, Al-Qaeda, al-Qaeda, al Qaida, Hamas, Fatah, PLO, Hizbollah, IRA, LTTE, Baath Party, Mahdi Army, Muslim Brotherhood,
US Army, U.S. Army, Army, Navy, Air Force, Marines, State Department, Defense Department, Department of Homeland Security, Homeland Security, Justice Department, Treasury, Federal Reserve, Fed, IAEA, OPEC, ASEAN, WTO, UNICEF, ACLU, NRA, AARP, YMCA, NAACP,
House, Parliament, Knesset, Kremlin, Democrats, Republicans, Tories, Tea Party, Likud, Labor, ISDA, ECT, EES, Enron Corp., PG&E, Dynegy, Duke Energy, El Paso, Arthur Andersen, Halliburton, Blackwater, Boeing, Lockheed Martin, GE, General Electric, General Motors,
Merrill Lynch, Lehman Brothers, AIG, Citigroup, Chase, Capital One, American Express, H&R Block, Geico, State Farm, Allstate, Blue Cross, Kaiser, Mayo Clinic, Trader Joe's, Whole Foods, Safeway, Kroger, Publix, Albertsons, Sears, JC Penney, Kohl's, Nordstrom, Lowe's, Radio Shack,
Staples, Office Depot, Barnes & Noble, Borders, Blockbuster, Chipotle, Taco Bell, Wendy's, Dunkin Donuts, Tim Hortons, Olive Garden, Applebee's, Denny's, IHOP, Papa John's, Midas, Jiffy Lube, Pep Boys, Goodyear, Hertz, Avis, Enterprise, Carnival, Royal Caribbean,
Southwest, American Airlines, Continental, JetBlue, British Airways, Qantas, Emirates, Amtrak, Greyhound, Holiday Inn, Best Western, Hyatt, Sheraton, Motel 6, Harvard University, Columbia University, Duke, Notre Dame, Penn State, Michigan State, Ohio State, USC, Texas A&M, Cornell,
Jets, Steelers, Packers, Bears, Colts, Saints, Vikings, Browns, Bengals, Ravens, Redskins, Raiders, Chargers, Broncos, 49ers, Celtics, Knicks, Heat, Spurs, Bulls, Mets, Cubs, Dodgers, Phillies, Braves, Cardinals, Tigers, Rangers, Man Utd, Man City, Tottenham, Everton, AC Milan, Inter,
Green Day, U2, Coldplay, Metallica, Radiohead, Nirvana, Led Zeppelin, Pink Floyd, The Beatles, Beatles, Rolling Stones, Linkin Park, Paramore, Jonas Brothers, One Direction, Black Eyed Peas, Maroon 5, 30 Seconds to Mars, Twitpic, Flickr, Foursquare, Groupon, Hulu, Pandora, iTunes""".replace("\n", " ").split(",") if n.strip()]

PLACES = [n.strip() for n in """
Iraq, Iraq, Iran, Afghanistan, Pakistan, India, China, Israel, Lebanon, Syria, Saudi Arabia, Egypt, Turkey, Russia, US, U.S., USA, UK, United States, the United States, America, Canada, Mexico, Japan, North Korea, South Korea, Vietnam, Cuba, Haiti, Brazil, Argentina, Venezuela,
Germany, France, Italy, Spain, Greece, Ireland, Sweden, Norway, Poland, Ukraine, Australia, New Zealand, South Africa, Nigeria, Sudan, Darfur, Somalia, Kenya, Indonesia, Philippines, Thailand, Malaysia, Sri Lanka, Bangladesh, Nepal, Tibet, Taiwan, Kuwait, Qatar, Yemen, Jordan, Palestine,
Gaza, West Bank, Baghdad, Fallujah, Kabul, Tehran, Jerusalem, Washington, Washington DC, New York, NYC, NY, New York City, LA, Los Angeles, California, CA, Texas, TX, Florida, FL, Chicago, IL, Boston, Seattle, WA, Portland, Oregon, San Francisco, SF, San Diego, Vegas, Las Vegas, Nevada, Arizona, Phoenix,
Houston, Dallas, Austin, San Antonio, Atlanta, Georgia, Miami, Orlando, Tampa, Tampa Bay, New Orleans, Louisiana, Alabama, Tennessee, Nashville, Kentucky, Ohio, Cleveland, Michigan, Detroit, Indiana, Illinois, Wisconsin, Minnesota, Iowa, Missouri, Kansas, Colorado, Denver, Utah, Montana, Idaho, Alaska, Hawaii,
Virginia, Maryland, Pennsylvania, Philadelphia, Philly, Pittsburgh, New Jersey, NJ, Connecticut, Massachusetts, Maine, Vermont, North Carolina, South Carolina, Charlotte, Toronto, Vancouver, Montreal, Ontario, London, England, Scotland, Wales, Manchester, Paris, Rome, Berlin, Madrid, Amsterdam, Dublin, Tokyo, Beijing,
Hong Kong, Singapore, Sydney, Melbourne, Dubai, Mumbai, Delhi, Moscow, Bristol, Europe, Asia, Africa, Middle East, Hollywood, Manhattan, Brooklyn, Broadway, Times Square, White House, Capitol Hill, Disneyland, Disney World, Madison Square Garden, Grand Canyon, Guantanamo, Abu Ghraib, Kashmir, Chernobyl""".replace("\n", " ").split(",") if n.strip()]
