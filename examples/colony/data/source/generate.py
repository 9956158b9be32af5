"""Make the data of this example anew: `python generate.py` writes experiments.csv and strains.json beside itself.

Nobody counted these colonies: growth follows a law that is stated here, so that one can see whether a model finds it.
The dirt is of the kinds that such tables have. The same bytes each time; needs nothing but Python.
"""

import datetime
import json
import math
import random
from pathlib import Path

SPECIES = {  # name -> prefix of its strains, best temperature in °C, growth there per day in rich medium
    "Escherichia coli": ("EC", 37.0, 2.6),
    "Bacillus subtilis": ("BS", 32.0, 2.0),
    "Pseudomonas fluorescens": ("PF", 26.0, 1.7),
    "Saccharomyces cerevisiae": ("SC", 30.0, 1.2),
}
MEDIA = {"rich": 1.0, "minimal": 0.55, "starch": 0.7}  # share of the growth in rich medium
LABS = {"Basel": "%Y-%m-%d", "Graz": "%d.%m.%Y", "Leeds": "%Y-%m-%d"}  # how each writes a date
TECHNICIANS = ("A. Keller", "B. Okafor", "C. Lindqvist", "D. Moreau")
MOST = 1e9  # cells a plate can feed
HEADER = "experiment,lab,technician,strain,medium,temperature_c,start_date,end_date,start_count,end_count\n"


def make_strains(draw: random.Random) -> list[dict]:
    strains = []
    for species, (prefix, best, _) in SPECIES.items():
        for number in range(1, 16):
            known = draw.random() > 0.05
            optimum = round(best + 4 * draw.random() - 2, 1)
            shown = "E. coli" if species == "Escherichia coli" and number % 5 == 0 else species
            found = draw.choice(["soil", "river", "gut", "leaf"])
            strains.append(
                {"strain": f"{prefix}-{number:02}", "species": shown, "found_in": found, "optimum_c": optimum}
            )
            strains[-1] |= {} if known else {"optimum_c": None}
    return strains


def make_experiment(draw: random.Random, number: int, strains: list[dict]) -> list[str]:
    strain = draw.choice(strains)
    _, best, fastest = next(each for each in SPECIES.values() if strain["strain"].startswith(each[0]))
    lab, medium = draw.choice(list(LABS)), draw.choice(list(MEDIA))
    temperature = draw.choice([15, 20, 25, 30, 37, 42])
    days = draw.randint(1, 5)
    optimum = strain["optimum_c"] or best
    rate = fastest * MEDIA[medium] * math.exp(-(((temperature - optimum) / 9) ** 2))
    rate += 0.5 * (draw.random() + draw.random() + draw.random() - 1.5)  # what nobody controls
    first = int(10 ** (3 + 2 * draw.random()))
    last = int(min(first * math.exp(rate * days), MOST) * (0.9 + 0.2 * draw.random()))  # counting errs by a tenth
    start = datetime.date(2026, 1, 5) + datetime.timedelta(draw.randrange(200))
    end = start + datetime.timedelta(days)
    dates = [day.strftime(LABS[lab]) for day in (start, end)]
    return [
        f"X{number:04}",
        lab,
        draw.choice(TECHNICIANS),
        strain["strain"],
        medium,
        str(temperature),
        *dates,
        str(first),
        str(last),
    ]


def soil(draw: random.Random, cells: list[str]) -> list[str]:
    """Write an experiment as somebody in a hurry does; most stay as they are."""
    experiment, lab, technician, strain, medium, temperature, start, end, first, last = cells
    kind = draw.random()
    if kind < 0.06:
        strain = draw.choice([strain.lower(), f" {strain}", f"{strain} "])
    elif kind < 0.10:
        medium = medium.capitalize()
    elif kind < 0.16:
        first, last = (f'"{int(count):,}"' for count in (first, last))
    elif kind < 0.19:
        last = f"{int(last):.2e}"
    elif kind < 0.22:
        last = draw.choice(["n/a", "", "TNTC"])  # TNTC: too numerous to count
    elif kind < 0.235:
        last = "0"  # a dead or a lost plate
    elif kind < 0.25:
        start, end = end, start
    elif kind < 0.26:
        temperature = str(round(float(temperature) * 1.8 + 32, 1))  # °F
    elif kind < 0.265:
        strain = "EC-99"  # in no list of strains
    return [experiment, lab, technician, strain, medium, temperature, start, end, first, last]


def main() -> None:
    draw = random.Random(20260105)
    strains = make_strains(draw)
    rows = [soil(draw, make_experiment(draw, number, strains)) for number in range(1, 1201)]
    rows += [rows[draw.randrange(len(rows))] for _ in range(8)]  # sent in twice
    here = Path(__file__).parent
    text = HEADER + "".join(",".join(cells) + "\n" for cells in rows)
    (here / "experiments.csv").write_text(text, encoding="utf-8", newline="\n")
    records = ",\n".join(json.dumps(strain) for strain in strains)
    (here / "strains.json").write_text(f"[\n{records}\n]\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
