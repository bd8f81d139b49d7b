"""Promote a version, or go back: the gate once more, the history, then its mirror in MLflow.

Evidence is gathered against the champion that was seen first, and the history takes the promotion
only if that one still serves. A kill before its entry leaves the old champion, after it the new
one; an alias that says otherwise is set right whenever the models are looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from features.errors import BrokenRecord, Conflict
from features.workspace import Workspace
from training.champion import load_folder
from training.promotion.gate import Check, gate_words, loads_and_scores, not_worse
from training.promotion.golden import prove
from training.promotion.history import (
    Promotion,
    champion_before,
    champion_of,
    open_history,
)
from training.promotion.paired import Kept, Paired, compare, kept_from
from training.registry import (
    CHAMPION,
    MODEL_FOLDER,
    ModelVersion,
    alias_of,
    find_version,
    model_name,
    require_store,
)
from training.tracking import Store

#: Folder of what a run was judged by, among its artifacts, and the file of its predictions.
EVALUATION, PREDICTIONS = "evaluation", "test_predictions.parquet"
#: Checks that are made anew: about the files as they are, and about the champion of today.
_AGAIN, _NOT_WORSE = ("golden_rows_equal", "is_fast"), "not_worse_than_champion"
SECOND_PERSON = "second_person"


def promote(
    workspace: Workspace, target: str, version: str, *, by: str, approves: bool = False
) -> ModelVersion:
    """Make a version the champion if it passes the gate against the champion of today.

    Parameters
    ----------
    by : who says so; records name them.
    approves : whether that is somebody whose key has the role `approver`.

    Returns
    -------
    The version. One that serves already is left as it is.

    Raises
    ------
    NotReady : there is no such version.
    Conflict : the gate fails (the message says where), a second person has to say so, or another
        promotion came first.
    BrokenRecord : its files changed since they were made.
    """
    store = require_store(workspace)
    with open_history(workspace) as history:
        before = history.of(target)
        chosen = find_version(store, workspace, target, version)
        if not before or before[-1].run_id != chosen.run_id:
            checks, paired = _checked(store, chosen, before[-1] if before else None)
            _require(workspace, chosen, checks)
            if workspace.promotion == SECOND_PERSON:
                _require_second_person(chosen, by, approves=approves)
            history.append(
                "promote",
                _model(chosen),
                after=len(before),
                by=by,
                evidence=_evidence(chosen, checks, before, paired),
            )
    mirror(store, workspace, target)
    return find_version(store, workspace, target, version)


def rollback(workspace: Workspace, target: str, *, by: str) -> ModelVersion:
    """Make the champion before this one champion again; nothing is judged, it served before.

    Raises
    ------
    Conflict : no champion came before, or another promotion came first.
    BrokenRecord : its files changed since they were made.
    """
    store = require_store(workspace)
    with open_history(workspace) as history:
        found = history.of(target)
        wanted = champion_before(found)
        if wanted is None:
            raise Conflict(
                f"models of {model_name(workspace, target)}",
                "there is no earlier champion to go back to",
                "at least two promotions",
                "see `forestay models list`, or promote a version by its number",
            )
        load_folder(store.artifacts_of(wanted.run_id, MODEL_FOLDER), wanted.sha256)
        evidence = {"instead_of": found[-1].version, "promoted_at": wanted.at}
        history.append("rollback", _model(wanted), after=len(found), by=by, evidence=evidence)
    mirror(store, workspace, target)
    return find_version(store, workspace, target, wanted.version)


def mirror(store: Store, workspace: Workspace, target: str) -> None:
    """Set MLflow's alias to the champion of the history, whoever else does the same meanwhile.

    Who sets it looks at the history again afterwards: the last to look sets the newest.
    """
    name = model_name(workspace, target)
    while (champion := champion_of(workspace, target)) is not None:
        if alias_of(store, name) == champion.version:
            return
        store.client.set_registered_model_alias(name, CHAMPION, champion.version)


def kept_of(store: Store, run_id: str) -> Kept | None:
    """Return what a run said of its test rows; None where its files are lost."""
    try:
        folder = store.artifacts_of(run_id, EVALUATION)
    except BrokenRecord:
        return None  # a champion whose predictions are lost must not keep a better one out
    return kept_from(pq.read_table(folder / PREDICTIONS))


def _checked(
    store: Store, chosen: ModelVersion, champion: Promotion | None
) -> tuple[list[Check], Paired | None]:
    """Take the checks of the training, and make those anew that can have changed since.

    Where the runs share no test date, what the training found about the champion then stands: it
    could ask that one about its own dates, which takes the features of all customers.
    """
    folder = store.artifacts_of(chosen.run_id, MODEL_FOLDER)
    model, _ = load_folder(folder, chosen.sha256)
    known = [Check(**check) for check in chosen.gate if check["name"] not in _AGAIN]
    new = kept_of(store, chosen.run_id)
    old = kept_of(store, champion.run_id) if champion else None
    paired = compare(new, old) if new and old else None
    if paired is not None:
        known = [check for check in known if check.name != _NOT_WORSE]
        known.append(not_worse(paired.differences["roc_auc"]))
    return [*known, *loads_and_scores(prove(model, folder))], paired


def _require(workspace: Workspace, chosen: ModelVersion, checks: Sequence[Check]) -> None:
    failed = [check for check in checks if not check.passed]
    if failed or chosen.no_skill:
        raise Conflict(
            f"{model_name(workspace, chosen.target)} version {chosen.version}",
            f"it does not pass the gate: {gate_words(failed)}",
            "a version that passes every check of the gate",
            f"see `forestay models show {chosen.target} {chosen.version}`, choose another version"
            " (`forestay models list`), or train again",
        )


def _require_second_person(chosen: ModelVersion, by: str, *, approves: bool) -> None:
    where = f"promotion of {chosen.target} version {chosen.version}"
    expected = "an approver other than the author (`promotion: second_person`)"
    if not approves:
        raise Conflict(
            where, f"{by} is no approver", expected,
            "show a key of the role: FORESTAY_KEY=... forestay models promote, made with"
            " `forestay keys create --role approver --name NAME`",
        )  # fmt: skip
    if not chosen.author_by_key:
        raise Conflict(
            where, "who trained it is not known: no key was shown", expected,
            "train again with the key of its author: FORESTAY_KEY=... forestay train",
        )  # fmt: skip
    if chosen.trained_by == by:
        raise Conflict(where, f"{by} trained it", expected, "ask somebody else to approve it")


def _model(chosen: ModelVersion | Promotion) -> Mapping[str, str]:
    return {name: getattr(chosen, name) for name in ("target", "version", "sha256", "run_id")}


def _evidence(
    chosen: ModelVersion,
    checks: Sequence[Check],
    before: Sequence[Promotion],
    paired: Paired | None,
) -> dict[str, Any]:
    """Lay down what the promotion rests on, in numbers that can be read without the run."""
    return {
        "checks": [check.as_dict() for check in checks],
        "trained_by": chosen.trained_by,
        "instead_of": before[-1].version if before else None,
        "common_rows": paired.rows if paired else 0,
        "differences": paired.as_dict() if paired else {},
    }
