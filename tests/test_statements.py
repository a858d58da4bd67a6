"""The pages that judge the paper: every numbered statement has a line, and what a line names is there."""

import re
from pathlib import Path

import pytest

from framework import registry
from framework.evidence import check_claim, chosen_claims

DOCS = Path(__file__).parents[1] / "docs"
NUMBERED = {  # as the paper numbers them; definitions and the theorems of other papers aside
    "Theorem": "2.4 3.1 3.3 3.4 3.5 3.6 4.3 4.5 4.6 C.2 D.1 D.2 E.6",
    "Proposition": "3.7 3.8 4.2 4.4 B.3 B.4 B.6 E.7 G.2 G.3 G.5 G.6",
    "Lemma": "B.1 B.2 B.5 C.5 C.6 D.3 D.4 D.6 D.7 D.9 D.10 D.11 E.1 E.2 E.3 E.5 G.1 G.9 G.10 G.11 G.12 G.13",
    "Corollary": "C.7 D.5 D.8 G.4",
    "Remark": "C.4 E.4 F.1",
}
PRINTED = sorted(f"{word} {number}" for word, numbers in NUMBERED.items() for number in numbers.split())


def lines(page):
    """The cells of each row of the first table of a page, but for its head."""
    rows = [line for line in (DOCS / page).read_text(encoding="utf-8").split("\n\n|")[1].splitlines() if line.endswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_every_numbered_statement_has_one_line_and_the_head_counts_them():
    table = lines("statements.md")
    assert sorted(cells[0] for cells in table) == PRINTED
    with_claim = [cells for cells in table if not cells[2].startswith("none")]
    assert f"The {len(table)} numbered" in (DOCS / "statements.md").read_text() and len(table) - len(with_claim) == 1
    assert f": {len(with_claim)} have rows" in (DOCS / "statements.md").read_text()


def test_the_claims_that_the_tables_name_are_registered_and_each_claim_is_named_somewhere():
    names = {entry.name for entry in registry.entries("claim")}
    named = {name for cells in lines("statements.md") for name in re.findall(r"`(\w+)`", cells[2])}
    judged = {name for cells in lines("errata.md") for name in re.findall(r"`(\w+)`", cells[3])}
    listed = set(re.findall(r"`(\w+)`", (DOCS / "verify.md").read_text().partition("| claim |")[2].partition("\n\n")[0]))
    assert (named | judged) <= names == listed


@pytest.mark.slow
@pytest.mark.parametrize("claim", sorted({name for cells in lines("errata.md") for name in re.findall(r"`(\w+)`", cells[3])}))
def test_what_is_said_to_be_wrong_in_print_has_rows_in_both_directions(claim):
    """The rows that the table names hold on the one side, and fail as expected on the other."""
    rows = check_claim(chosen_claims([claim])[0], "smoke", 0).verdict.rows
    assert all(row.as_expected for row in rows)
    assert {row.expected_to_hold for row in rows} == {True, False}
    for cells in lines("errata.md"):
        if cells[3] == f"`{claim}`":
            for cell, holds in ((cells[4], True), (cells[5], False)):
                for words in re.findall(r"`([^`]+)`", cell):
                    assert any(words in row.quantity and row.expected_to_hold == holds for row in rows), (words, holds)
