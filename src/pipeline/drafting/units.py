"""Units that stand in the names of columns: `Body Mass (g)`, `speed [km/h]`, `bill_length_mm`."""

import re

_PREFIXES = "n u µ μ m c d h k K M G T"
_PREFIXED = "m g s l L A K J W V Pa Hz N mol eq B bit bar Wh Bq Sv cal ohm Ω F S T"
_WORDS = """
    % ‰ o/oo ppm ppb ppt deg degC degF degK °C °F °K ° C F rad min h hr hrs hour hours sec secs second seconds minute
    minutes day days d week weeks wk month months mo year years yr yrs a in inch inches ft feet foot yd mi mile miles
    nmi mph kmh kph kn kt knots lb lbs oz st t ton tons tonne tonnes ha acre acres gal pt qt cc dl mmHg psi atm mbar
    hPa dB dBA rpm bpm pH kcal cal USD EUR GBP CHF JPY CNY INR CAD AUD $ € £ ¥ ct cents persons people pixels px IU
"""
# Behind an underscore or a blank only what can hardly be a word of its own.
_SUFFIXES = """
    mm cm km m2 m3 km2 cm2 cm3 mg kg g ml kwh mwh hz khz mhz mph kmh kph ms min mins sec secs hrs hours minutes seconds
    days weeks months years yr yrs pct percent lb lbs oz ft usd eur gbp chf degc degf celsius fahrenheit kcal hpa mbar
    mmhg ppm ppb bpm rpm km_h m_s
"""
WORDS, SUFFIXES = frozenset(_WORDS.split()), frozenset(_SUFFIXES.split())
ATOMS = WORDS | {prefix + unit for unit in _PREFIXED.split() for prefix in ["", *_PREFIXES.split()]}
SPELLED = {
    **{"pct": "%", "percent": "%", "degc": "degC", "degf": "degF", "celsius": "degC", "fahrenheit": "degF"},
    **{"kwh": "kWh", "mwh": "MWh", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "hpa": "hPa", "mmhg": "mmHg"},
    **{"km_h": "km/h", "m_s": "m/s", "kmh": "km/h", "kph": "km/h"},
    **{"usd": "USD", "eur": "EUR", "gbp": "GBP", "chf": "CHF"},
}


def unit_of_name(name: str) -> str | None:
    """The unit that a column's name tells, as it stands there."""
    bracketed = re.search(r"[(\[]\s*(?:in\s+)?([^()\[\]]{1,20}?)\s*[)\]]\s*$", name)
    if bracketed:
        return unit_of_text(bracketed[1])
    ending = re.search(r"[_\s.,-]+(km_h|m_s|[A-Za-z]+[23]?|[%€$£])$", name.strip())
    if ending is None:
        return None
    unit = ending[1]
    return SPELLED.get(unit.lower(), unit) if unit.lower() in SUFFIXES or unit in "%€$£" else None


def unit_of_text(text: str) -> str | None:
    """The text, if it is a unit, such as `g`, `km/h`, `kg m-2` or `µg/m³`."""
    text = text.strip()
    if text in WORDS:
        return text
    atoms = [
        re.sub(r"[\^*]*[-+\u2212]?[0-9²³⁻¹]+$", "", atom) for atom in re.split(r"[/·* ]|(?<=[a-z])\.(?=[a-z])", text)
    ]
    known = [atom in ATOMS for atom in atoms if atom not in ("", "1", "per")]
    return text if known and all(known) else None
