"""The page of the service in a real browser: on a phone and a desktop, light and dark, with the keyboard alone."""

import io

import pandas as pd
import pytest

from pipeline.service.routes import make_app
from service_bundle import make_bundle, opened, ready, serving

pytestmark = pytest.mark.long
WIDTHS = {"phone": 390, "desktop": 1280}
TOKEN = "a-token-of-tests"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return opened(make_bundle(tmp_path_factory.mktemp("page") / "bundle", threshold=0.5))


@pytest.fixture(scope="module")
def address(bundle):
    with serving(make_app(bundle)) as address:
        yield address


@pytest.fixture
def wrong(chromium, address):
    """A page for what goes wrong: the browser itself writes refusals into its console."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".verdict")
    yield page
    context.close()


def answered(page):
    page.wait_for_selector("#said:not(.busy) .verdict")
    return page.inner_text("#said")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_example_is_answered_and_nothing_is_wider_than_the_screen(visit, address, width, dark):
    page = visit(address, width=width, dark=dark)
    text = answered(page)
    assert "What moved it" in text
    assert "from 50 % on" in text
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_label_and_its_help(visit, address):
    page = visit(address)
    for control in page.query_selector_all("[data-kind]"):
        name = control.get_attribute("name")
        assert page.query_selector(f"label[for=f-{name}]").inner_text()
        assert page.query_selector(f"#h-{name}") is not None
    assert page.input_value("[name=clock]") == "1700"
    assert page.input_value("[name=street]") == "Ash"  # which training has not seen: no list may leave it out
    assert page.query_selector_all("#l-street option")[0].get_attribute("value") == "Elm"
    assert page.query_selector_all("select[name=shop] option")[-1].inner_text() == "west"


def test_a_change_is_answered_at_once(visit, address, bundle):
    page = visit(address)
    assert answered(page).startswith("Yes")
    page.fill("[name=clock]", "630")
    page.select_option("[name=sale]", "false")
    page.wait_for_selector("#said .verdict >> text=No")


def test_the_keyboard_is_enough(visit, address):
    page = visit(address)
    answered(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "clock":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("2100")
    page.keyboard.press("Enter")
    page.wait_for_selector("#said:not(.busy) >> text=2100")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"clear", "csv", "Predict"} <= reached


def test_a_wrong_value_is_told_beside_its_field(wrong):
    wrong.fill("[name=wind]", "61")
    wrong.keyboard.press("Enter")
    wrong.wait_for_selector(".field.wrong")
    assert wrong.inner_text("#e-wind") == "61.0 is over the maximum 60. Allowed: 0 to 60 m/s"
    assert wrong.get_attribute("[name=wind]", "aria-invalid") == "true"
    wrong.fill("[name=wind]", "6")
    wrong.keyboard.press("Enter")
    answered(wrong)
    assert wrong.query_selector(".field.wrong") is None


def test_a_derived_value_that_is_wrong_is_told_in_the_answer(wrong):
    wrong.fill("[name=clock]", "2330")
    wrong.keyboard.press("Enter")
    wrong.wait_for_selector("#said .mishap")
    assert "hour: 23 is over the maximum 22 (it derives from clock)" in wrong.inner_text("#said")


def test_a_service_that_has_ended_is_told(wrong):
    wrong.route("**/explain", lambda route: route.abort())
    wrong.click("text=Predict")
    wrong.wait_for_selector("#said .mishap")
    assert "The service does not answer." in wrong.inner_text("#said")


def test_a_file_comes_back_with_predictions(visit, address, tmp_path):
    page = visit(address)
    path = tmp_path / "visits.csv"
    path.write_text(ready().assign(note='of "two",\nlines').to_csv(index=False))
    page.set_input_files("#csv", path)
    page.wait_for_selector("#file-said .done")
    assert "48 rows of visits.csv" in page.inner_text("#file-said")
    with page.expect_download() as download:
        page.click("text=Download it with predictions")
    assert download.value.suggested_filename == "visits-predicted.csv"
    table = pd.read_csv(io.BytesIO(download.value.path().read_bytes()))
    counts = dict(row.inner_text().split("\t")[:2] for row in page.query_selector_all("#file-said tbody tr"))
    assert counts == {str(value).lower(): str(count) for value, count in table["predicted"].value_counts().items()}


def test_a_file_can_be_dropped(visit, address):
    page = visit(address)
    text = ready().to_csv(index=False)
    page.evaluate(
        """text => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    page.wait_for_selector("#file-said .done")
    assert "48 rows of dropped.csv" in page.inner_text("#file-said")


def test_a_wrong_file_is_told_with_its_rows(wrong, tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text(ready().assign(shop="nroth")[:2].to_csv(index=False))
    wrong.set_input_files("#csv", path)
    wrong.wait_for_selector("#file-said .mishap")
    assert "row 2, Shop: nroth is none of north, south, west. Did you mean north?" in wrong.inner_text("#file-said")


def test_report_and_data_card_are_linked(visit, address):
    page = visit(address)
    links = {link.inner_text(): link.get_attribute("href") for link in page.query_selector_all("nav a")}
    assert links["Report"] == "report"
    assert links["Data card"] == "bundle/README.md"
    page.click("text=Report")
    assert page.title() == "The report"


def test_the_pages_of_the_api_work_offline(visit, address):
    page = visit(f"{address}/docs")
    page.wait_for_selector("text=Predict one row, many rows, or a file")


def test_clear_empties_the_form_and_the_example_comes_again(visit, address):
    page = visit(address)
    answered(page)
    page.click("#clear")
    assert page.input_value("[name=clock]") == ""
    page.click("text=The example again")
    answered(page)
    assert page.input_value("[name=clock]") == "1700"


def test_a_browser_asks_for_the_token_once(chromium, bundle):
    with serving(make_app(bundle, TOKEN)) as address:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(address)
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=This is not the token.")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        answered(page)
        page.click("text=Forget the token in this browser")
        page.wait_for_selector("text=A token is needed")
        context.close()
