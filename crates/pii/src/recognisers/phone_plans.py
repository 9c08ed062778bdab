"""Writes phone_plans.rs from the metadata of libphonenumber (Apache-2.0), through its Python port.

    pip install phonenumbers==9.0.43 && python3 phone_plans.py > phone_plans.rs

CALLING_CODES: each calling code and the lengths its national numbers can have.
NATIONAL: for each region, how its numbers are written nationally (group lengths and separators) and which
first two digits (trunk prefix included) numbers written so can have, sampled with a fixed seed.
"""

import random
import re
from collections import defaultdict

import phonenumbers as pn
from phonenumbers.phonemetadata import PhoneMetadata

REGIONS = (
    "US GB FR DE ES IT PT NL BE CH AT IE SE NO DK FI PL CZ SK HU RO GR BG HR SI LT LV EE LU UA RU TR IL AE SA EG ZA NG KE "
    "IN PK BD LK CN JP KR TW HK SG MY TH VN ID PH AU NZ BR MX AR CL CO PE VE CR EC UY DO MA DZ TN"
).split()
TYPES = [pn.PhoneNumberType.FIXED_LINE, pn.PhoneNumberType.MOBILE, pn.PhoneNumberType.TOLL_FREE]
SAMPLES = 2500

random.seed(20)


def calling_codes():
    rows = []
    for code, regions in sorted(pn.COUNTRY_CODE_TO_REGION_CODE.items()):
        mask = 0
        for region in regions:
            if region == "001":
                data = PhoneMetadata.metadata_for_nongeo_region(code, None)
            else:
                data = PhoneMetadata.metadata_for_region(region, None)
            for length in data.general_desc.possible_length:
                mask |= 1 << length
        rows.append((code, mask))
    return rows


def samples(region):
    """National numbers of the kinds people have, drawn near the examples so that most are valid."""
    code = pn.country_code_for_region(region)
    for kind in TYPES:
        example = pn.example_number_for_type(region, kind)
        if example is None:
            continue
        data = PhoneMetadata.metadata_for_region(region, None)
        desc = {0: data.fixed_line, 1: data.mobile, 3: data.toll_free}[kind]
        lengths = desc.possible_length or data.general_desc.possible_length
        for _ in range(SAMPLES):
            length = random.choice(lengths)
            digits = "".join(random.choice("0123456789") for _ in range(length))
            if random.random() < 0.3:
                known = str(example.national_number)
                keep = random.randint(1, 4)
                digits = known[:keep] + digits[keep:]
            if digits.startswith("0") and region != "IT":
                continue
            number = pn.PhoneNumber(country_code=code, national_number=int(digits), italian_leading_zero=digits.startswith("0") or None)
            if pn.is_valid_number_for_region(number, region):
                yield number


def national():
    rows = []
    for region in REGIONS:
        shapes = defaultdict(set)
        counts = defaultdict(int)
        for number in samples(region):
            text = pn.format_number(number, pn.PhoneNumberFormat.NATIONAL)
            text = text.replace("\u00a0", " ").replace("\u2011", "-")
            if not re.fullmatch(r"[0-9 ()./-]+", text):
                continue
            shape = re.sub(r"[0-9]+", lambda m: str(len(m[0])), text)
            first = re.sub(r"[^0-9]", "", text)[:2]
            shapes[shape].add(int(first))
            counts[shape] += 1
        total = sum(counts.values())
        for shape, firsts in sorted(shapes.items(), key=lambda item: -counts[item[0]]):
            if counts[shape] >= total * 0.004 and sum(map(int, re.findall(r"\d+", shape))) >= 7:
                rows.append((region, shape, sum(1 << first for first in firsts)))
    return rows


def main():
    codes, plans = calling_codes(), national()
    print("//! Made by phone_plans.py from libphonenumber's metadata (Apache-2.0); run it again rather than edit this.\n")
    print("/// Calling code, and the lengths of its national numbers as bits.")
    print("#[rustfmt::skip]")
    print("pub(super) const CALLING_CODES: &[(u16, u32)] = &[")
    for i in range(0, len(codes), 8):
        print("    " + " ".join(f"({code}, {mask:#x})," for code, mask in codes[i : i + 8]))
    print("];\n")
    print("/// Region, national grouping, and the first two digits that numbers so written have, as bits.")
    print("#[rustfmt::skip]")
    print("pub(super) const NATIONAL: &[(&str, &str, u128)] = &[")
    for region, shape, mask in plans:
        print(f'    ("{region}", "{shape}", {mask:#x}),')
    print("];\n")
    print("/// A valid number of each region, as written nationally and internationally: an independent check of the tables above.")
    print("#[cfg(test)]")
    print("#[rustfmt::skip]")
    print("pub(super) const EXAMPLES: &[(&str, &str, &str)] = &[")
    for region in REGIONS:
        number = pn.example_number_for_type(region, pn.PhoneNumberType.MOBILE)
        local = pn.format_number(number, pn.PhoneNumberFormat.NATIONAL)
        world = pn.format_number(number, pn.PhoneNumberFormat.INTERNATIONAL)
        print(f'    ("{region}", "{local}", "{world}"),')
    print("];")


main()
