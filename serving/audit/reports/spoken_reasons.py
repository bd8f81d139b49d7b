"""Every reason of one risk in both languages, with its contribution, and in whose hands it is."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from features.catalogue import Catalogue
from serving.audit.reports.report import words
from serving.page_words import Words


def spoken_reasons(
    catalogue: Catalogue, row: pa.Table, contributions: Mapping[str, float]
) -> list[tuple[Words, float, Words]]:
    """Tell all reasons of one customer; their contributions add up to those of the features.

    Parameters
    ----------
    row : the customer's features.
    contributions : by feature, on the log-odds.
    """
    from training.explain import every_reason
    from training.reason_words import changeable_words

    names, values = list(contributions), np.array(list(contributions.values()))
    told = [every_reason(values, names, row, catalogue, language) for language in ("en", "zh")]
    return [
        (
            words(english, chinese),
            value,
            words(changeable_words(code, "en"), changeable_words(code, "zh")),
        )
        for (code, value, english), (_, _, chinese) in zip(*told, strict=True)
    ]
