"""whygrok completion: the lines that make a shell complete our commands."""

from collections.abc import Sequence

from framework.cli import Parser
from framework.cli.answers import answer

EXAMPLES = """\
  eval "$(whygrok completion bash)"                                            in ~/.bashrc
  eval "$(whygrok completion zsh)"                                             in ~/.zshrc, after compinit
  whygrok completion fish > ~/.config/fish/completions/whygrok.fish            once
"""


def main(arguments: Sequence[str]) -> int:
    """Prints what the shell has to read."""
    parser = Parser("completion", EXAMPLES)
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that you type into")
    options = parser.parse(arguments)
    import argcomplete

    answer(argcomplete.shellcode(["whygrok"], shell=options.shell))
    return 0
