"""The pages of the site that lie outside of docs/, links between them and those inside, and no script from elsewhere.

mkdocs.yml names this file.

In the repository a link leads to a file. The README stands one folder above docs/, so that its links lose their `docs/` here, and
a page that links to `../README.md` links to `index.md`.
"""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
NOTEBOOKS = [f"examples/{file.name}" for file in sorted((ROOT / "examples").glob("*.ipynb"))]  # to take along, as they are
WORKER = "https://unpkg.com/iframe-worker/shim"  # what the theme asks the network for; docs/worker_on_disk.js does the same
LINK = re.compile(r"\[([^\]]*)\]\(([^)#:]+)((?:#[^)]*)?)\)")  # its words, its file, its place in it


def on_files(files, config):
    """Adds the pages; `mkdocs serve` watches them too."""
    for name, page in PAGES.items():
        file = File.generated(config, page, content=_outside((ROOT / name).read_text(encoding="utf-8")))
        files.append(file)
    for name in NOTEBOOKS:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links that leave docs/ lead to the pages that are made here; where a file is all that a link says, it says the page's title."""

    def here(link):
        words, target, place = link.groups()
        name = target.removeprefix("../")
        if name.endswith(".md") and Path(words).name == name:
            file = ROOT / name if name in PAGES else ROOT / "docs" / name
            words = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        return f"[{words}]({name if name in NOTEBOOKS else PAGES.get(name, target)}{place})"

    return LINK.sub(here, markdown)


def on_post_page(output, page, config):
    """The search works from the disk, and without a network."""
    return output.replace(WORKER, "worker_on_disk.js")


def on_post_template(output_content, template_name, config):
    """The same for 404.html, which is no page of the docs."""
    return output_content.replace(WORKER, "worker_on_disk.js")


def _outside(text):
    """The text of a page above docs/, with links as docs/ has them."""
    return LINK.sub(lambda link: f"[{link[1]}]({link[2].removeprefix('docs/')}{link[3]})", text)
