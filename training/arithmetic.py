"""Small arithmetic over feature columns, for the conditions and numbers of sentences.

Parsed by Python's own parser and walked node by node: names are features, and nothing but
numbers, + - * /, comparisons and `and` exists.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

_SUMS: dict[type[ast.operator], Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_CLAIMS: dict[type[ast.cmpop], Callable] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}


@dataclass(frozen=True)
class Arithmetic:
    """One parsed expression; `names` are the features it reads.

    Examples
    --------
    >>> half = Arithmetic.parse("days / 2 >= 3 and days < 9")
    >>> half({"days": np.array([4.0, 8.0, 10.0, np.nan])}).tolist()
    [False, True, False, False]
    """

    tree: ast.expr
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "Arithmetic":
        """Parse an expression of a sentence.

        Raises
        ------
        ValueError : it is no expression, or more than arithmetic and comparisons.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as fault:
            raise ValueError(f"{text!r} is no expression") from fault
        names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        parsed = cls(tree, names)
        parsed({name: np.ones(1) for name in names})  # what cannot be computed fails here, at once
        return parsed

    def __call__(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Compute over columns; a comparison with NaN is False."""
        return np.asarray(_value(self.tree, columns))


def _value(node: ast.expr, columns: Mapping[str, np.ndarray]) -> np.ndarray | float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, columns)
        case ast.Name(id=name):
            return columns[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SUMS:
            return _SUMS[type(op)](_value(left, columns), _value(right, columns))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _CLAIMS:
            return _CLAIMS[type(op)](_value(left, columns), _value(right, columns))
        case ast.BoolOp(op=ast.And(), values=claims):
            return reduce(np.logical_and, (_value(claim, columns) for claim in claims))
    raise ValueError(f"{ast.unparse(node)!r} is more than arithmetic and comparisons")
