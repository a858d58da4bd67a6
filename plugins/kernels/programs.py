"""The steps of a JAX program one after another, with the functions that it calls written out in their place."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import Jaxpr, JaxprEqn, Literal

CALLS = ("jit", "pjit", "closed_call", "core_call")  # calls that change nothing but who is called


class Step(NamedTuple):
    """One operation: its equation, and the numbers of the values that go in and come out."""

    equation: JaxprEqn
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def given(self, place: int) -> jax.ShapeDtypeStruct:
        """Shape and dtype of what goes in at this place."""
        value: Any = self.equation.invars[place].aval
        return jax.ShapeDtypeStruct(value.shape, value.dtype)

    @property
    def result(self) -> jax.ShapeDtypeStruct:
        """Shape and dtype of the first value that comes out."""
        value: Any = self.equation.outvars[0].aval
        return jax.ShapeDtypeStruct(value.shape, value.dtype)

    def values(self, known: Sequence[Any]) -> list[Any]:
        """What comes out where `known` is what goes in."""
        primitive = self.equation.primitive
        result = primitive.bind(*known, **primitive.get_bind_params(self.equation.params))
        return list(result) if primitive.multiple_results else [result]


class Program:
    """The steps of a function of arrays. Values are numbered: first the arguments, then constants and results as they come."""

    def __init__(self, function: Callable, *arguments: Any):
        """arguments: one array each, or its shape and dtype. The function must give one array."""
        closed = jax.make_jaxpr(function)(*arguments)
        self.steps: list[Step] = []
        self.constants: dict[int, Any] = {}
        self.shapes = [variable.aval.shape for variable in closed.jaxpr.invars]
        self._count = len(self.shapes)
        [self.result] = self._written_out(closed.jaxpr, closed.consts, range(len(self.shapes)))

    def evaluate(self, arguments: Sequence[Any], after: Callable[[Step, list[Any], list[Any]], list[Any]]) -> Any:
        """The value of the function. after(step, in, out) gives what is taken for the values that came out of a step."""
        known = dict(enumerate(arguments)) | self.constants
        for step in self.steps:
            given = [known[number] for number in step.inputs]
            known |= zip(step.outputs, after(step, given, step.values(given)), strict=True)
        return known[self.result]

    def _written_out(self, jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[int]) -> list[int]:
        number = dict(zip(jaxpr.constvars, map(self._constant, constants), strict=True))
        number |= zip(jaxpr.invars, arguments, strict=True)

        def read(atom: Any) -> int:
            return self._constant(atom.val) if isinstance(atom, Literal) else number[atom]

        for equation in jaxpr.eqns:
            inputs = tuple(map(read, equation.invars))
            if equation.primitive.name in CALLS and "jaxpr" in equation.params:
                called = equation.params["jaxpr"]
                outputs = self._written_out(called.jaxpr, called.consts, inputs)
            else:
                outputs = [self._new() for _ in equation.outvars]
                self.steps.append(Step(equation, inputs, tuple(outputs)))
            number |= zip(equation.outvars, outputs, strict=True)
        return [read(atom) for atom in jaxpr.outvars]

    def _constant(self, value: Any) -> int:
        number = self._new()
        self.constants[number] = value
        return number

    def _new(self) -> int:
        self._count += 1
        return self._count - 1
