"""SHAP contributions -> a few reasons in plain words, with the customer's own numbers.

Contributions are grouped into the reason codes of the catalogue; the sum over codes is the sum
over features. Only codes that raise the risk are said, and only what is: nothing here claims what
would happen "if".
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue.catalogue import Catalogue
from features.catalogue.feature import Feature
from features.errors import BadInput
from training.reason_words import (
    AUDIENCES,
    auditor_words,
    first_that_fits,
    own_column_words,
    stitch,
    templates,
    titles,
)
from training.spoken_numbers import as_it_is

#: Reasons told of each customer at most.
TOP = 3


def reason_code(feature: Feature) -> str:
    """Return the code a feature's contribution counts under.

    Columns and features of the user's own keep a code each: nobody but the user knows which of
    them belong together.
    """
    if feature.given_name:
        return f"{'PROFILE' if feature.reason == 'PROFILE' else 'OWN'}:{feature.name}"
    return f"PROFILE:{feature.name}" if feature.reason == "PROFILE" else feature.reason


def group_contributions(
    contributions: np.ndarray, feature_names: Sequence[str], catalogue: Catalogue
) -> tuple[tuple[str, ...], np.ndarray]:
    """Add up contributions by reason code, so that a few codes say what many features do.

    Parameters
    ----------
    contributions : signed, on the log-odds margin; shape (rows, features).
    feature_names : name of each column of `contributions`.

    Returns
    -------
    codes, matrix : codes in alphabetical order, and one column for each; rows keep their sum.
    """
    features = _chosen(catalogue, feature_names)
    of_feature = [reason_code(features[name]) for name in feature_names]
    codes = tuple(sorted(set(of_feature)))
    matrix = np.zeros((len(contributions), len(codes)))
    # column by column in a fixed order: a matrix product may round differently on another machine
    for place, code in enumerate(of_feature):
        matrix[:, codes.index(code)] += contributions[:, place]
    return codes, matrix


class Voice(NamedTuple):
    """In which language reasons are told, and to whom.

    ``currency`` is said after amounts of money. ``audience``: `marketing` reads the list, `agent`
    may say every word to the customer, `auditor` gets title, values and contribution.
    """

    language: str
    currency: str | None = None
    audience: str = "marketing"


def reasons(
    contributions: np.ndarray,
    feature_names: Sequence[str],
    table: pa.Table,
    catalogue: Catalogue,
    voice: Voice,
) -> pa.Table:
    """Say why each customer's risk is raised.

    Parameters
    ----------
    contributions : signed, on the log-odds margin; shape (rows, features).
    table : the feature values of the same rows; missing ones are null or NaN.

    Returns
    -------
    table : `reason_1` to `reason_3` (null where fewer codes raise the risk), `reason_codes` and
        `reason_contributions` (lists, largest first, ties by code).

    Raises
    ------
    BadInput : there are no reasons in that language, or for that audience.
    """
    speak = _Speaker(_chosen(catalogue, feature_names), voice)
    codes, matrix = group_contributions(contributions, feature_names, catalogue)
    ranked, raising = _ranked(matrix, TOP)
    said: list[tuple[np.ndarray, pa.Array]] = []
    for place, code in enumerate(codes):
        rows = np.flatnonzero(((ranked == place) & raising).any(axis=1))
        if len(rows):
            said.append((rows, speak(code, matrix[rows, place], table, rows)))
        else:
            said.append((rows, pa.array([], pa.string())))
    columns = {
        f"reason_{rank + 1}": _of_rank(ranked[:, rank], raising[:, rank], said)
        if rank < ranked.shape[1]
        else pa.nulls(len(matrix), pa.string())
        for rank in range(TOP)
    }
    return pa.table({**columns, **_lists(codes, matrix, ranked, raising)})


def every_reason(
    contributions: np.ndarray, feature_names: Sequence[str], row: pa.Table, catalogue: Catalogue,
    language: str,
) -> list[tuple[str, float, str]]:  # fmt: skip
    """Tell of one customer all codes, those that lower the risk too; with the base they make up.

    Parameters
    ----------
    contributions : of one row, shape (features,).
    row : the same customer's feature values.

    Returns
    -------
    (code, contribution, an auditor's words), the largest in size first; the contributions add up
    to those of the features.
    """
    codes, matrix = group_contributions(contributions[None, :], feature_names, catalogue)
    voice = Voice(language, audience="auditor")
    speak = _Speaker(_chosen(catalogue, feature_names), voice)
    order = np.argsort(-np.abs(matrix[0]), kind="stable")
    told = [speak(codes[n], matrix[:, n], row, np.zeros(1, np.int64))[0].as_py() for n in order]
    return [(codes[n], float(matrix[0, n]), text) for n, text in zip(order, told, strict=True)]


def feature_sentence(feature: Feature, language: str) -> str:
    """Return what a feature is, in one language; English where it has no words in that one."""
    return feature.says.get(language) or feature.says["en"]


def _chosen(catalogue: Catalogue, names: Sequence[str]) -> dict[str, Feature]:
    known = {feature.name: feature for feature in catalogue.features}
    return {name: known[name] for name in names}


def _ranked(matrix: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the largest codes of each row, and which of them raise the risk."""
    # stable: codes are in alphabetical order, and so are ties
    ranked = np.argsort(-matrix, axis=1, kind="stable")[:, :top]
    return ranked, np.take_along_axis(matrix, ranked, axis=1) > 0


def _of_rank(
    ranked: np.ndarray, raising: np.ndarray, said: Sequence[tuple[np.ndarray, pa.Array]]
) -> pa.Array:
    pieces = []
    for place, (rows, text) in enumerate(said):
        here = (ranked[rows] == place) & raising[rows]
        pieces.append((rows[here], text.filter(pa.array(here))))
    return stitch(pieces, len(ranked))


class _Speaker:
    """Says codes of some rows of a table, in one language, for one audience."""

    def __init__(self, features: dict[str, Feature], voice: Voice) -> None:
        if voice.audience not in AUDIENCES:
            raise BadInput(
                "reasons",
                f"there are none for {voice.audience!r}",
                f"one of {', '.join(AUDIENCES)}",
                "choose one of these",
            )
        self._features = features
        self._language, self._currency, self._audience = voice

    def __call__(
        self, code: str, contribution: np.ndarray, table: pa.Table, rows: np.ndarray
    ) -> pa.Array:
        """Say one code; the contribution is that of the same rows."""
        if self._audience == "auditor":
            return self._exactly(code, contribution, table, rows)
        kind, _, name = code.partition(":")
        if name:
            return _own_sentences(self._features[name], table[name].take(rows), self._language)
        choices = templates(self._language, self._audience)[kind]
        named = frozenset().union(*(template.needs for template in choices))
        columns = {one: _numbers(table[one])[rows] for one in named & set(table.column_names)}
        return first_that_fits(choices, columns, len(rows), self._currency)

    def _exactly(
        self, code: str, contribution: np.ndarray, table: pa.Table, rows: np.ndarray
    ) -> pa.Array:
        """Write title, contribution and the value of every feature of the code."""
        name = code.partition(":")[2]
        title = (
            feature_sentence(self._features[name], self._language)
            if name
            else titles(self._language)[code]
        )
        mine = [one for one, feature in self._features.items() if reason_code(feature) == code]
        values = [
            pc.binary_join_element_wise(
                one, pc.fill_null(as_it_is(_short(table[one].take(rows))), "-"), " "
            )
            for one in mine
        ]
        amounts = [f"{value:+.4f}" for value in contribution]  # a sign has no column-wise form
        words = auditor_words(self._language).replace("{title}", title).replace("{code}", code)
        before, between, after = re.split(r"\{contribution\}|\{values\}", words)
        joined = pc.binary_join_element_wise(*values, ", ")
        return pc.binary_join_element_wise(before, pa.array(amounts), between, joined, after, "")


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy()


def _own_sentences(feature: Feature, column: pa.ChunkedArray, language: str) -> pa.Array:
    says = feature_sentence(feature, language)
    value, unknown = own_column_words(language)
    before, after = (words.replace("{says}", says) for words in value.split("{value}"))
    spoken = pc.binary_join_element_wise(before, as_it_is(_finite(column)), after, "")
    return pc.fill_null(spoken.cast(pa.string()), unknown.replace("{says}", says))


def _finite(column: pa.ChunkedArray) -> pa.Array:
    values = column.combine_chunks()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)
    return values


def _short(column: pa.ChunkedArray) -> pa.Array:
    values = _finite(column)
    return pc.round(values, ndigits=4) if pa.types.is_floating(values.type) else values


def _lists(
    codes: Sequence[str], matrix: np.ndarray, ranked: np.ndarray, raising: np.ndarray
) -> dict[str, pa.Array]:
    offsets = pa.array(np.concatenate([[0], raising.sum(axis=1).cumsum()]), pa.int32())
    names = pa.array(codes, pa.string()).take(pa.array(ranked[raising]))
    values = pa.array(np.take_along_axis(matrix, ranked, axis=1)[raising])
    return {
        "reason_codes": pa.ListArray.from_arrays(offsets, names),
        "reason_contributions": pa.ListArray.from_arrays(offsets, values),
    }
