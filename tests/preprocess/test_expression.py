"""An expression means the same to the oracle, to Arrow and to Spark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.errors import ConfigurationError
from src.panes.arrow_columns import arrow_column
from src.preprocess.expression import Expression, coalesce, col, greatest, least, lit, sqrt, when
from src.schema.kinds import Kind
from src.schema.tables import ARROW_TYPES

KINDS: Mapping[str, Kind] = {"a": Kind.DOUBLE, "b": Kind.DOUBLE, "n": Kind.LONG, "p": Kind.BOOLEAN, "q": Kind.BOOLEAN, "s": Kind.STRING}

_leaves = st.sampled_from([col("a"), col("b"), col("n"), lit(2.5), lit(0)])
_tests = st.sampled_from([col("p"), col("q"), col("s").equals("x"), col("a").is_null(), col("n").is_not_null()])


def _numbers(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda pair: pair[0] + pair[1]),
        pairs.map(lambda pair: pair[0] - pair[1]),
        pairs.map(lambda pair: pair[0] * pair[1]),
        pairs.map(lambda pair: pair[0] / pair[1]),
        inner.map(abs),
        inner.map(sqrt),
        pairs.map(lambda pair: greatest(pair[0], pair[1])),
        pairs.map(lambda pair: least(pair[0], pair[1])),
        pairs.map(lambda pair: coalesce(pair[0], pair[1])),
        st.tuples(_tests, inner, inner).map(lambda three: when(three[0], three[1], three[2])),
        st.tuples(_tests, inner).map(lambda two: when(two[0], two[1])),
    )


NUMBERS = st.recursive(_leaves, _numbers, max_leaves=8)
_comparisons = st.tuples(NUMBERS, NUMBERS).flatmap(lambda pair: st.sampled_from([pair[0] < pair[1], pair[0] >= pair[1]]))


def _conditions(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(inner, inner)
    return st.one_of(pairs.map(lambda pair: pair[0] & pair[1]), pairs.map(lambda pair: pair[0] | pair[1]), inner.map(lambda one: ~one))


CONDITIONS = st.recursive(st.one_of(_tests, _comparisons), _conditions, max_leaves=5)
_number = st.none() | st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a": _number,
            "b": _number,
            "n": st.none() | st.integers(-1000, 1000),
            "p": st.none() | st.booleans(),
            "q": st.none() | st.booleans(),
            "s": st.none() | st.sampled_from(["x", "y"]),
        }
    ),
    min_size=1,
    max_size=6,
)


def by_arrow(expression: Expression, rows: list[dict[str, Any]]) -> list[Any]:
    columns = {name: pa.array([row[name] for row in rows], ARROW_TYPES[kind]) for name, kind in KINDS.items()}
    found = arrow_column(expression, columns)
    return [found.as_py()] * len(rows) if isinstance(found, pa.Scalar) else found.to_pylist()


def same(left: Any, right: Any) -> bool:
    if left is None or right is None or isinstance(left, str | bool):
        return left == right
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9) or (not math.isfinite(left) and not math.isfinite(right))


@given(expression=NUMBERS | CONDITIONS, rows=ROWS)
def test_arrow_computes_what_the_oracle_computes(expression: Expression, rows: list[dict[str, Any]]) -> None:
    expected = [expression.evaluate(row) for row in rows]
    actual = by_arrow(expression, rows)
    assert all(same(*pair) for pair in zip(actual, expected, strict=True)), (expression, actual, expected)


@pytest.mark.parametrize(
    ("expression", "row", "value"),
    [
        (col("a") / col("b"), {"a": 1.0, "b": 0.0}, None),
        (col("a") + 1, {"a": None}, None),
        (1 - col("a"), {"a": 3.0}, -2.0),
        (col("p") & col("q"), {"p": None, "q": False}, False),
        (col("p") & col("q"), {"p": None, "q": True}, None),
        (col("p") | col("q"), {"p": None, "q": True}, True),
        (~col("p"), {"p": None}, None),
        (when(col("p"), 1.0, 2.0), {"p": None}, 2.0),
        (greatest(col("a"), col("b")), {"a": None, "b": -1.0}, -1.0),
        (least(col("a"), col("b")), {"a": None, "b": None}, None),
        (sqrt(col("a")), {"a": -1.0}, None),
    ],
)
def test_nulls_follow_sql(expression: Expression, row: dict[str, Any], value: Any) -> None:
    assert expression.evaluate(row) is value or expression.evaluate(row) == value


@pytest.mark.parametrize("mixed", [coalesce(col("n"), col("a")), greatest(col("n"), 0.5), least(col("a"), 3), when(col("p"), 1, col("a"))])
def test_whole_and_decimal_numbers_together_are_decimal(mixed: Expression) -> None:
    rows = [{**dict.fromkeys(KINDS), "n": n, "a": a, "p": True} for n in (None, 2**53 + 1, -7) for a in (None, 0.25)]
    columns = {name: pa.array([row[name] for row in rows], ARROW_TYPES[kind]) for name, kind in KINDS.items()}
    found = arrow_column(mixed, columns)
    assert mixed.kind(KINDS) is Kind.DOUBLE
    assert found.type == pa.float64()
    assert found.to_pylist() == [value if value is None else float(value) for value in (mixed.evaluate(row) for row in rows)]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (coalesce(col("n"), 0), Kind.LONG),
        (when(col("p"), None, col("s")), Kind.STRING),
        (coalesce(when(col("p"), None), "x"), Kind.STRING),
        (when(lit(None), "x"), Kind.STRING),
        (greatest(None, None), Kind.DOUBLE),
        (greatest(col("s"), "xx"), Kind.STRING),
        (col("n").equals(0), Kind.BOOLEAN),
        (col("n") >= 0.5, Kind.BOOLEAN),
        (col("s").equals(None), Kind.BOOLEAN),
        (lit(None) & col("p"), Kind.BOOLEAN),
        (~lit(None), Kind.BOOLEAN),
        (lit(None) < lit(None), Kind.BOOLEAN),
    ],
)
def test_the_declared_type_is_the_computed_one(expression: Expression, kind: Kind) -> None:
    rows = [{**dict.fromkeys(KINDS), "n": 0, "a": 1.5, "p": truth, "s": "x"} for truth in (True, False, None)]
    columns = {name: pa.array([row[name] for row in rows], ARROW_TYPES[kind_of]) for name, kind_of in KINDS.items()}
    found = arrow_column(expression, columns)
    assert expression.kind(KINDS) is kind
    assert found.type == ARROW_TYPES[kind]
    assert by_arrow(expression, rows) == [expression.evaluate(row) for row in rows]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (col("s") + 1, r"add\(col\('s'\), 1\) is wrong: add takes numbers, not string and long"),
        (abs(col("p")), r"abs\(col\('p'\)\) is wrong: abs takes numbers, not boolean"),
        (1.0 - (col("a") > 1), r"subtract takes numbers, not double and boolean"),
        (col("s").equals(0), r"equals\(col\('s'\), 0\) is wrong: equals takes values of one type, not string and long"),
        (col("p") < col("a"), r"less takes values of one type, not boolean and double"),
        (col("a") & col("p"), r"and takes conditions, not double and boolean"),
        (~col("s"), r"not takes conditions, not string"),
        (when(col("a"), 1.0), r"when\(col\('a'\), 1.0, None\) is wrong: when takes conditions, not double"),
        (when(col("p"), 1.0, "x"), r"when takes values of one type, not double and string"),
        (coalesce(col("s"), 0), r"coalesce takes values of one type"),
        (greatest(col("p"), col("q")), r"greatest takes numbers or texts"),
        (coalesce(col("a"), sqrt(col("s"))), r"the expression sqrt\(col\('s'\)\) is wrong"),
        (col("n") + 2**63, r"9223372036854775808 is no constant"),
    ],
)
def test_types_that_do_not_go_together_are_refused_by_name(expression: Expression, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        expression.kind(KINDS)


def test_an_unknown_column_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no column 'prize'.*a, b, n, p, q, s"):
        (col("prize") + 1).kind(KINDS)


def test_a_comparison_has_no_truth_value_of_its_own() -> None:
    with pytest.raises(TypeError, match="combine with &"):
        bool(col("a") > 1)
