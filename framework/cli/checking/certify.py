"""whygrok certify: statements of the theory, evaluated on a network that was trained."""

import dataclasses
import json
import logging
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins
from framework.errors import UserError, did_you_mean, one_of
from framework.fields import fields_of
from framework.registry import catalogue

if TYPE_CHECKING:
    from framework.interfaces import Certificate, Certified

EXAMPLES = """\
  whygrok certify runs/first                              the newest checkpoint
  whygrok certify runs/first@3500 --json
  whygrok certify runs/first generalization delta=0.01    one certificate, with fields of its own
"""
WIDTH = 80  # characters of a line
WIDEST = 54  # of which a quantity may have this many
SAID = 6  # and what is said below it begins here

log = logging.getLogger("whygrok")


def main(arguments: Sequence[str]) -> int:
    """Prints a page of numbers, or JSON."""
    parser = Parser("certify", EXAMPLES)
    parser.add_argument("run", metavar="RUN[@STEP]", help="a run directory, and a step whose checkpoint is there; by default the newest")
    parser.add_argument("certificates", nargs="*", metavar="CERTIFICATE", help="names, by default all; FIELD=VALUE where one is named")
    parser.add_argument("--step", type=int, help="the step, instead of @STEP")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_plugins(parser)
    options = parser.parse(arguments)
    from framework.run import load_run, run_and_step, start_backend  # after the arguments are read: JAX is not imported for --help

    path, at = run_and_step(options.run) if options.step is None else (options.run, options.step)
    run = load_run(path, options.plugins)
    start_backend()
    chosen = _chosen(parser, options.certificates)
    step = run.saved_step(at)
    refusals = {name: _guarded(certificate, certificate.refusal, run) for name, certificate in chosen.items()}
    if all(refusals.values()):
        said = "; ".join(f"{name} is about {why}" for name, why in refusals.items())
        raise UserError(f"{path}: there is nothing to certify: {said}")
    found: list[dict[str, Any]] = []
    for name, certificate in chosen.items():
        log.info("%d of %d: %s", len(found) + 1, len(chosen), name)
        certified = None if refusals[name] else _guarded(certificate, certificate.certify, run, step)
        found.append({"certificate": name, "step": step, "refused": refusals[name]} | _plain(certified))
        if not options.json:
            answer("\n".join(lines_of(name, certificate, certified, refusals[name])))
    if options.json:
        answer(json.dumps(found, indent=2))
    return 0


def _guarded(certificate: "Certificate", method: Callable[..., Any], *given: Any) -> Any:
    from framework.registry import at_work

    with at_work(certificate):
        return method(*given)


def _chosen(parser: Parser, words: Sequence[str]) -> dict[str, "Certificate"]:
    """The certificates that are named, by default all of them, with the fields that are given for one."""
    from framework.registry import build

    fields = fields_of([word for word in words if "=" in word])
    known, named = catalogue.names("certificate"), [word for word in words if "=" not in word]
    for word in named:
        if word not in known:
            raise UserError(f"there is no certificate {word!r}.{did_you_mean(word, known)} Certificates: {one_of(known)}.")
    if fields and len(named) != 1:
        parser.error(f"{next(iter(fields))}=…: fields belong to one certificate; name it")
    return {name: build("certificate", name, **fields) for name in (named or known)}


def _plain(certified: "Certified | None") -> dict[str, Any]:
    if certified is None:
        return {"findings": [], "follows": []}
    findings = [dataclasses.asdict(finding) | {"value": _number(finding.value)} for finding in certified.findings]
    return {"findings": findings, "follows": list(certified.follows)}


def _number(value: float | int | None) -> float | int | None:
    """A number that JSON has; None for what it has not."""
    return None if value is None or not math.isfinite(value) else value


def lines_of(name: str, certificate: "Certificate", certified: "Certified | None", refusal: str) -> list[str]:
    """A section of the page: what the certificate is, its numbers, and what follows."""
    summary = (type(certificate).__doc__ or "").partition("\n")[0]
    lines = textwrap.wrap(f"{name}   {summary}", WIDTH, subsequent_indent="    ")
    if certified is None:
        return [*lines, *_wrapped(f"It says nothing here: it is about {refusal}.", 2), ""]
    longest = min(max(len(finding.quantity) for finding in certified.findings), WIDEST)
    for finding in certified.findings:
        *above, last = textwrap.wrap(finding.quantity, WIDEST)
        lines += [*(f"  {part}" for part in above), f"  {last:{longest}}  {_shown(finding.value):>10}"]
        lines += _wrapped(finding.said, SAID) if finding.said else []
    return [*lines, *(line for sentence in certified.follows for line in _wrapped(f"→ {sentence}", 2)), ""]


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines of a text, the later ones below the first word of a sentence that begins with an arrow."""
    hanging = indent + 2 * text.startswith("→")
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * hanging)


def _shown(value: float | int | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
