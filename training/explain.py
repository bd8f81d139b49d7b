"""SHAP contributions -> a few reasons in plain words, with the customer's own numbers.

Contributions are grouped into the reason codes of the catalogue; the sum over codes is the sum
over features. Only codes that raise the risk are said, and only what is: nothing here claims what
would happen "if".
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue.catalogue import Catalogue
from features.catalogue.feature import Feature
from training.reason_words import first_that_fits, own_column_words, stitch, templates
from training.spoken_numbers import as_it_is


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


def reasons(  # noqa: PLR0913 - what is said depends on all of these
    contributions: np.ndarray,
    feature_names: Sequence[str],
    table: pa.Table,
    catalogue: Catalogue,
    language: str,
    top: int = 3,
    *,
    currency: str | None = None,
) -> pa.Table:
    """Say why each customer's risk is raised, in the words of one language.

    Parameters
    ----------
    contributions : signed, on the log-odds margin; shape (rows, features).
    table : the feature values of the same rows; missing ones are null or NaN.
    top : how many reasons at most.
    currency : said after amounts of money.

    Returns
    -------
    table : `reason_1`.. (null where fewer codes raise the risk), `reason_codes` and
        `reason_contributions` (lists, largest first, ties by code).
    """
    codes, matrix = group_contributions(contributions, feature_names, catalogue)
    ranked, raising = _ranked(matrix, top)
    features = _chosen(catalogue, feature_names)
    said: list[tuple[np.ndarray, pa.Array]] = []
    for place, code in enumerate(codes):
        rows = np.flatnonzero(((ranked == place) & raising).any(axis=1))
        if len(rows):
            said.append((rows, _sentences(code, features, (table, rows), language, currency)))
        else:
            said.append((rows, pa.array([], pa.string())))
    columns = {
        f"reason_{rank + 1}": _of_rank(ranked[:, rank], raising[:, rank], said)
        if rank < ranked.shape[1]
        else pa.nulls(len(matrix), pa.string())
        for rank in range(top)
    }
    return pa.table({**columns, **_lists(codes, matrix, ranked, raising)})


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


def _sentences(
    code: str,
    features: dict[str, Feature],
    of_rows: tuple[pa.Table, np.ndarray],
    language: str,
    currency: str | None,
) -> pa.Array:
    """Say one code of some rows of a table."""
    (table, rows), (kind, _, name) = of_rows, code.partition(":")
    if name:
        return _own_sentences(features[name], table[name].take(rows), language)
    choices = templates(language)[kind]
    named = frozenset().union(*(template.needs for template in choices))
    columns = {one: _numbers(table[one])[rows] for one in named & set(table.column_names)}
    return first_that_fits(choices, columns, len(rows), currency)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy()


def _own_sentences(feature: Feature, column: pa.ChunkedArray, language: str) -> pa.Array:
    says = feature_sentence(feature, language)
    value, unknown = own_column_words(language)
    before, after = (words.replace("{says}", says) for words in value.split("{value}"))
    values = column.combine_chunks()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)
    spoken = pc.binary_join_element_wise(before, as_it_is(values), after, "")
    return pc.fill_null(spoken.cast(pa.string()), unknown.replace("{says}", says))


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
