"""The site of the documentation: built without a warning, complete, with every link inside it, and asking the network for nothing."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import WIDTHS, chromium

ROOT = Path(__file__).parents[1]
FROM_OUTSIDE = {"index.md", "changelog.md", "contributing.md"}  # which tools/site_pages.py adds


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built from the checkout, into a folder outside of it."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--config-file",
        str(ROOT / "mkdocs.yml"),
        "--site-dir",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Tags(HTMLParser):
    """What the tags of a page lead to, or load; and the places in it that links may name."""

    def __init__(self, page):
        super().__init__()
        self.targets, self.places = [], set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.targets += [given[name] for name in ("href", "src") if given.get(name)]
        self.places |= {given.get("id")}


def test_every_page_of_the_docs_is_in_the_navigation_once(site):
    named = re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted({page.name for page in (ROOT / "docs").glob("*.md")} | FROM_OUTSIDE)
    assert all((site / page).with_suffix(".html").is_file() for page in named)


def test_every_link_leads_to_something_that_is_there(site):
    pages = {page: Tags(page) for page in site.glob("*.html")}
    assert len(pages) > 40
    for page, tags in pages.items():
        for target in tags.targets:
            parts = urlsplit(target)
            assert not parts.scheme and not parts.netloc, f"{page.name}: {target} is on the network"
            file = (
                page
                if not parts.path
                else (site / unquote(parts.path).lstrip("/") if page.stem == "404" else page.parent / unquote(parts.path))
            )
            assert file.resolve().exists(), f"{page.name}: {target}"
            if parts.fragment and file in pages:
                assert unquote(parts.fragment) in pages[file].places | {"__skip"}, f"{page.name}: {target}"


def test_a_page_that_links_to_the_readme_leads_to_the_start_of_the_site(site):
    readme = Tags(site / "index.html").targets
    assert {"first_ten_minutes.html", "contributing.html", "resume.html", "images/quickstart.png"} <= set(readme)
    assert not [target for target in readme if target.startswith("docs/") or target.endswith(".md")]
    assert "changelog.html" in Tags(site / "contributing.html").targets


def test_a_link_says_the_title_of_the_page_where_its_text_says_a_file(site):
    """[numerics.md](numerics.md) is right in a repository, and nothing to a reader of the site."""
    assert '<a href="numerics.html">Numbers</a>' in (site / "faq.html").read_text(encoding="utf-8")
    assert not [page.name for page in site.glob("*.html") if re.search(r'<a href="[^"]*">[\w/]+\.md</a>', page.read_text(encoding="utf-8"))]


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_a_screen_and_ask_the_network_for_nothing(site, width, dark, tmp_path):
    """Wide tables and long commands scroll by themselves; the page does not."""
    loaded = "document.readyState === 'complete' && document.fonts.status === 'loaded'"
    with chromium(tmp_path / "profile") as browser:
        for name in ("index", "first_ten_minutes", "tutorial", "science", "errata", "from_pytorch", "reference"):
            browser.open(site / f"{name}.html", width, dark, ready=loaded)
            assert browser.js("document.documentElement.scrollWidth") <= width, name
            assert browser.js("document.body.dataset.mdColorScheme") == ("slate" if dark else "default")
            assert browser.problems() == [], name


@pytest.mark.slow
def test_the_search_finds_a_page_from_the_disk(site, tmp_path):
    with chromium(tmp_path / "profile") as browser:
        browser.open(site / "faq.html", ready="document.readyState === 'complete'")
        browser.js("document.querySelector('[data-md-toggle=search]').click()")
        browser.js("document.querySelector('.md-search__input').focus()")
        for key in "sharpness":
            browser.press(key)
        browser.wait("document.querySelector('.md-search-result__link')")
        found = browser.js("[...document.querySelectorAll('.md-search-result__link')].map(link => link.getAttribute('href')).join(' ')")
        assert "look_inside.html" in found and browser.problems() == []
