"""The page in a real browser: headless Chromium, where it is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from support.made_reports import report_of
from support.made_results import add, add_failure
from support.made_sets import add_set

from dcbench.report.page import page

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)) as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    results = tmp_path_factory.mktemp("results")
    for ipc in (1, 10):
        for number in range(12):
            label = f"method-{number}[a_long_setting=0.{number}]"
            if (ipc, number) != (10, 3):
                add(results, f"method-{number}", [50.0 + (7 * number) % 12], ipc=ipc, label=label, dataset="d" * 40)
                add_set(results, f"method-{number}", ipc=ipc, label=label, dataset="d" * 40)
    add(results, "method-0", [99.0], ipc=50, label="method-0[a_long_setting=0.0]", dataset="another")
    add_failure(results, "method-3", ipc=10)
    path = results / "page.html"
    path.write_text(page(report_of(results), lambda record: None), encoding="utf-8")
    return path.as_uri()


def _look(browser: webdriver.Chrome, address: str, *, width: int = 1200, scheme: str = "light") -> None:
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get("about:blank")
    browser.get(address)


def _column(browser: webdriver.Chrome, place: int) -> list[str]:
    rows = (
        "return [...document.querySelectorAll('table.sortable tbody tr')].map(row => row.cells[arguments[0]].innerText)"
    )
    found: list[str] = browser.execute_script(rows, place)
    return found


def test_nothing_is_asked_of_a_network_and_nothing_goes_wrong(browser: webdriver.Chrome, address: str) -> None:
    browser.get_log("performance")
    _look(browser, address)
    asked = [entry["message"] for entry in browser.get_log("performance") if "requestWillBeSent" in entry["message"]]
    assert not [message for message in asked if '"url":"http' in message]
    assert browser.get_log("browser") == []
    broken = "return [...document.images].filter(image => image.complete && !image.naturalWidth).length"
    assert browser.execute_script(broken) == 0


def test_a_click_sorts_up_and_down_and_back_and_what_is_missing_stays_last(
    browser: webdriver.Chrome, address: str
) -> None:
    _look(browser, address)
    heads = browser.find_elements("css selector", "table.sortable th button")
    before = _column(browser, 1)
    assert before == ["50", "1", "10"]
    heads[1].click()
    assert _column(browser, 1) == ["50", "10", "1"]
    heads[1].click()
    assert _column(browser, 1) == ["1", "10", "50"]
    heads[1].click()
    assert _column(browser, 1) == before
    heads[2].click()
    values = _column(browser, 2)
    assert values[0].startswith("99.0")
    gone = next(place for place, head in enumerate(heads) if head.text.startswith("method-3["))
    for _ in range(2):
        heads[gone].click()
        assert _column(browser, gone)[1:] == ["-", "-"]
    assert browser.execute_script("return document.querySelectorAll('[aria-sort]').length") == 1


def test_a_number_opens_where_it_comes_from(browser: webdriver.Chrome, address: str) -> None:
    _look(browser, address)
    browser.execute_script("document.querySelector('table.sortable td.number a').click()")
    state = """
        const place = document.getElementById(location.hash.slice(1));
        return [place.closest('details').open, place.checkVisibility()];
    """
    assert browser.execute_script(state) == [True, True]


@pytest.mark.parametrize("width", [360, 1200])
def test_only_tables_scroll_sideways(browser: webdriver.Chrome, address: str, width: int) -> None:
    _look(browser, address, width=width)
    sizes = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    whole, seen = browser.execute_script(sizes)
    assert whole == seen
    inside = (
        "return [...document.querySelectorAll('.wide')].every(box => box.getBoundingClientRect().right <= innerWidth)"
    )
    assert browser.execute_script(inside)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(browser: webdriver.Chrome, address: str, scheme: str) -> None:
    _look(browser, address, scheme=scheme)
    colours = """
        const light = text => {
          const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(x => x / 255)
            .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = node => {
          for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if (!colour.endsWith(', 0)') && colour !== 'transparent') return colour;
          }
        };
        return [...document.querySelectorAll('p, dd, dt, td, th, a, summary, figcaption, caption, pre')]
          .filter(node => node.innerText.trim())
          .map(node => [light(getComputedStyle(node).color), light(behind(node))])
          .map(pair => (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
    """
    ratios = browser.execute_script(colours)
    assert len(ratios) > 50
    assert min(ratios) >= 4.5, "WCAG 2.1 AA for text"
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_without_scripts_everything_is_there(browser: webdriver.Chrome, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        _look(browser, address)
        assert not browser.find_elements("css selector", "table.sortable th button")
        assert len(browser.find_elements("css selector", "table.sortable td.number a")) == 24
        assert len(browser.find_elements("css selector", "details")) == 25
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
