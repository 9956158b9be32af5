"""The report as a reader has it: in a browser, on a phone, in the dark, by keyboard, on paper."""

import itertools
from pathlib import Path

import pytest

from browser import DESKTOP, PHONE
from pipeline.report import render_report
from report_facts import MULTICLASS, hostile, make_facts

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def report(reproduced_small: Path) -> Path:
    return reproduced_small / "data/published/report.html"


@pytest.fixture(params=["default project", "hostile data", "many classes", "nothing evaluated"])
def any_report(request, report, tmp_path) -> Path:
    facts = {
        "hostile data": hostile(),
        "many classes": make_facts(evaluation=MULTICLASS, train={"cv_f1": 0.5}),
        "nothing evaluated": make_facts(evaluation={}, points={}, train={}, joins={}),
    }
    if request.param == "default project":
        return report
    page = tmp_path / "report.html"
    page.write_text(render_report(facts[request.param]), encoding="utf-8")
    return page


# What is written on what: of each visible text its contrast with the nearest background that is not transparent.
FAINT_TEXTS = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] / 255 + below[i] * (1 - top[3] / 255)).concat(255);
    const luminance = colour => colour.slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
                                 return (x + 0.05) / (y + 0.05); };
    const behind = element => element === null ? [255, 255, 255, 255]
        : over(rgba(getComputedStyle(element).backgroundColor), behind(element.parentElement));
    const variable = name => rgba(getComputedStyle(document.documentElement).getPropertyValue(name));
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement, style = getComputedStyle(element);
        if (!node.data.trim() || !element.checkVisibility() || ['title', 'desc', 'STYLE'].includes(element.tagName)) continue;
        const drawn = element.closest('svg');
        const text = rgba(drawn ? style.fill : style.color);
        const grounds = drawn ? ['--paper', '--stream', '--fill'].map(variable) : [behind(element)];
        for (const ground of text.join() === variable('--ink').join() ? grounds : grounds.slice(0, 1))
            if (contrast(text, ground) < 4.5) faint.push([node.data.trim(), contrast(text, ground)]);
    }
    return faint;
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_enough_contrast(visit, any_report, dark):
    page = visit(any_report, dark=dark)
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.evaluate(FAINT_TEXTS) == []


def test_a_faint_text_is_found(visit, report):
    page = visit(report)
    page.add_style_tag(content=".lead { color: #999 }")
    assert len(page.evaluate(FAINT_TEXTS)) == 1


def test_dark_is_dark_and_light_is_light(visit, report):
    background = "getComputedStyle(document.body).backgroundColor"
    assert visit(report, dark=True).evaluate(background) == "rgb(18, 22, 29)"
    assert visit(report).evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [320, PHONE, DESKTOP])
def test_nothing_sticks_out_of_the_page(visit, any_report, width):
    page = visit(any_report, width=width)
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "all => all.filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML)"
    assert page.locator("main > section > *:not(.scroll), figure svg").evaluate_all(wide) == []


def test_headings_do_not_skip_and_there_is_one_title(visit, any_report):
    page = visit(any_report)
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(each => +each.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert [pair for pair in itertools.pairwise(levels) if pair[1] > pair[0] + 1] == []
    assert page.title().endswith(": report")
    assert page.locator("html").get_attribute("lang") == "en"


def test_screen_readers_get_a_name_for_every_picture_table_and_region(visit, any_report):
    page = visit(any_report)
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    tree = page.locator("body").aria_snapshot()
    assert "- img:" not in tree and "- img\n" not in tree  # a name stands before the colon, in quotes
    assert "- region\n" not in tree and "- region:" not in tree
    assert page.locator("svg:not([aria-hidden]):not([role=img])").count() == 0
    assert page.locator("th:not([scope]):not([aria-hidden])").count() == 0


def test_the_keyboard_reaches_all(visit, report):
    page = visit(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    details = page.locator("details").first
    details.locator("summary").focus()
    assert details.locator("table").is_hidden()
    page.keyboard.press("Enter")
    assert details.locator("table").is_visible()
    page.keyboard.press("Tab")  # a wide table scrolls by its arrows
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Rejected rows of flights"


def test_the_contents_lead_to_their_sections(visit, report):
    page = visit(report)
    for entry in page.locator("nav a").all():
        entry.click()
        heading = page.locator(f"h2{entry.get_attribute('href')}")
        page.wait_for_function(
            "element => Math.abs(element.getBoundingClientRect().top) < innerHeight", arg=heading.element_handle()
        )
        assert heading.is_visible()


def test_it_prints_in_light_colours_with_what_was_folded(visit, report):
    page = visit(report, dark=True)
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(FAINT_TEXTS) == []
    assert page.locator("details table").first.evaluate("each => each.getBoundingClientRect().height") > 50
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_it_tells_the_story_of_the_flights(visit, report):
    text = visit(report).locator("main").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "which flights arrive late" in text
    assert "Arrived 15 minutes late or more" in text
    assert "US Bureau of Transportation Statistics" in text
    assert "drop missing column arr_delay" in text
    assert "found no partner in planes" in text
    assert "sklearn.ensemble.HistGradientBoostingClassifier" in text
    assert "make repro" in text


def test_no_maker_of_an_aircraft_is_named(visit, report):
    html = visit(report).content()
    assert "manufacturer" in html  # a rule speaks of the column
    for name in ("JOHN G HESS", "AIRBUS", "BOEING"):
        assert name not in html
