"""A phone number out of what stands where one is expected, in international form where its country is known.

Source of the codes: ITU-T E.164, list of country codes; of the trunk prefixes: ITU-T E.123 national numbering plans.
"""

from __future__ import annotations

import re
from unicodedata import normalize

from regulars.crm_domain.contact.email import visible

MAX_CHARACTERS = 200
MIN_DIGITS = 3
MAX_DIGITS = 15
# A slash stands after an area code; what is longer is a number, and what follows another one.
_MAX_AREA = 6
_MAX_AREA_WITH_COUNTRY = 9

# Countries whose national numbers begin with 0, which is left out behind the country's code.
_TRUNK_ZERO = """
AE971 AF93 AL355 AM374 AR54 AT43 AU61 AZ994 BA387 BD880 BE32 BG359 BO591 BR55 BW267 CH41 CN86 CU53 DE49 DZ213 EC593
EG20 ER291 ET251 FI358 FR33 GB44 GE995 GF594 GH233 GP590 HR385 ID62 IE353 IL972 IN91 IQ964 IR98 JO962 JP81 KE254 KG996
KH855 KP850 KR82 LA856 LB961 LK94 LY218 MA212 MD373 ME382 MG261 MK389 MM95 MN976 MQ596 MY60 NA264 NG234 NL31 NP977 NZ64
PE51 PH63 PK92 PY595 RE262 RO40 RS381 RW250 SA966 SD249 SE46 SI386 SK421 SL232 SO252 SR597 SS211 SY963 TH66 TR90 TW886
TZ255 UA380 UG256 UY598 VE58 VN84 XK383 YE967 ZA27 ZM260 ZW263
"""
# Countries whose numbers are dialled as they are, also from within.
_WITHOUT_TRUNK = """
AD376 AO244 BF226 BH973 BI257 BJ229 BN673 BT975 BZ501 CD243 CF236 CG242 CI225 CL56 CM237 CO57 CR506 CV238 CY357 CZ420
DJ253 DK45 EE372 ES34 FJ679 FO298 GA241 GI350 GL299 GM220 GN224 GQ240 GR30 GT502 GW245 GY592 HK852 HN504 HT509 IS354
IT39 KI686 KM269 KW965 LI423 LR231 LS266 LU352 LV371 MC377 ML223 MO853 MR222 MT356 MU230 MV960 MW265 MX52 MZ258 NC687
NE227 NI505 NO47 OM968 PA507 PF689 PG675 PL48 PS970 PT351 QA974 SC248 SG65 SM378 SN221 SV503 SZ268 TD235 TG228 TN216
TO676 VA39 VU678 WS685
"""
# The countries of the North American plan are dialled with 1, also from within; their own codes belong to it.
_NORTH_AMERICA = "US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI"

#: Calling code and trunk prefix of each country, by its two letters of ISO 3166.
COUNTRIES: dict[str, tuple[str, str]] = {
    **{each[:2]: (each[2:], "0") for each in _TRUNK_ZERO.split()},
    **{each[:2]: (each[2:], "") for each in _WITHOUT_TRUNK.split()},
    **dict.fromkeys(_NORTH_AMERICA.split(), ("1", "1")),
    "BY": ("375", "80"),
    "HU": ("36", "06"),
    "KZ": ("7", "8"),
    "LT": ("370", "0"),
    "RU": ("7", "8"),
    "TJ": ("992", "8"),
    "TM": ("993", "8"),
    "UZ": ("998", "8"),
}

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc"), "-")
#: A phone number as people write it.
NUMBER = re.compile(r"\+?[0-9 ()./-]*[0-9][0-9 ()./-]*")
_DIGITS = re.compile(r"[0-9]+")


def clean_phone(text: str, country: str | None = None) -> str:
    """The one number in a text: `+` and digits, or digits alone where neither it nor `country` says of which country.

    `country` is where a number without a code is at home (ISO 3166, such as DE). Raises ValueError, with a sentence,
    where there is no number, more than one, or one with an extension.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError("expected one phone number such as +49 30 123456")
    bare = visible(normalize("NFKC", text)).translate(_DASHES).strip()
    bare = bare.removeprefix("'").strip()
    if bare[:4].lower() == "tel:":
        bare = bare[4:].strip()
    if re.fullmatch(r"[0-9]+\.0", bare):  # a number that went through a column of floats
        bare = bare[:-2]
    if NUMBER.fullmatch(bare) is None:
        raise ValueError("expected one phone number such as +49 30 123456")
    _require_one(bare)
    number = _international(bare, country)
    if not MIN_DIGITS <= len(number.lstrip("+")) <= MAX_DIGITS:
        raise ValueError(f"expected a phone number of {MIN_DIGITS} to {MAX_DIGITS} digits")
    return number


def _require_one(bare: str) -> None:
    """Raises ValueError where what follows a slash is no continuation of what stands before it."""
    area, slash, rest = bare.partition("/")
    if not slash:
        return
    digits, more = len("".join(_DIGITS.findall(area))), "".join(_DIGITS.findall(rest))
    longest = _MAX_AREA_WITH_COUNTRY if bare.startswith(("+", "00")) else _MAX_AREA
    if "/" in rest or digits > longest or more.startswith("0") or "+" in rest or len(more) < MIN_DIGITS:
        raise ValueError("expected one phone number, without an extension")


def _international(bare: str, country: str | None) -> str:
    digits = "".join(_DIGITS.findall(bare))
    if bare.startswith("+") or digits.startswith("00"):
        with_code = bare if bare.startswith("+") else bare.replace("00", "", 1)
        return "+" + "".join(_DIGITS.findall(re.sub(r"\(\s*0\s*\)", "", with_code)))
    if country is None:
        return digits
    code, trunk = COUNTRIES[country]
    if len(digits) < MIN_DIGITS + len(code) + len(trunk):  # a short number, such as 112
        return digits
    return f"+{code}{digits.removeprefix(trunk)}"
