"""whygrok's core: what users and plugins import. It knows nothing of modular addition; plugins do.

A name is imported when it is first used, so that a command which trains nothing does not wait for JAX.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # type checkers and editors read this block, and `_homes` does: the names stand here only
    from framework import losses
    from framework.fields import field, part
    from framework.interfaces import (
        About,
        Benchmark,
        Certificate,
        Certified,
        Claim,
        Constant,
        Context,
        Engine,
        Figure,
        Finding,
        Group,
        Intervention,
        Loss,
        Model,
        Optimizer,
        Pen,
        Penalty,
        Picture,
        Probe,
        Recorded,
        Regression,
        Row,
        Setting,
        Sizes,
        Split,
        Splits,
        Task,
        Training,
        Verdict,
        Writer,
    )
    from framework.pictures import Curve, Panel
    from framework.records import collect
    from framework.registry import build, register
    from framework.run import Run, activations, load_run, load_runs
    from framework.sessions import train
    from framework.sweep import run_sweep
    from framework.training import Experiment
else:  # type checkers must not see these: they would believe that every name is there
    import functools

    @functools.cache
    def _homes() -> dict[str, str]:
        """Public name → the module that it is imported from."""
        import ast

        block = next(node for node in ast.parse(__loader__.get_source(__name__)).body if isinstance(node, ast.If))
        return {alias.name: node.module for node in block.body for alias in node.names}

    def __getattr__(name: str) -> object:
        """A public name, or a room such as framework.registry, imported now."""
        import importlib
        import pkgutil
        import sys

        if name == "__all__":
            return sorted(_homes())
        home = _homes().get(name, __name__)
        if home != __name__:
            globals()[name] = getattr(importlib.import_module(home), name)
        elif name in {room.name for room in pkgutil.iter_modules(__path__)}:
            globals()[name] = importlib.import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *_homes()})
