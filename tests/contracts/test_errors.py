"""One shape for every error a person sees."""

import inspect

import pytest

from features import errors

FAMILY = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.ForestayError)
]


@pytest.mark.parametrize("cls", [cls for cls in FAMILY if cls is not errors.Faults])
def test_error_says_where_what_expected_and_remedy(cls):
    """Every class of the family prints the same three lines."""
    error = cls("orders.csv, row 7", "no date", "a date", "correct the row")
    assert str(error) == (
        "orders.csv, row 7: no date.\nExpected: a date.\nTo fix: correct the row."
    )
    assert set(error.as_dict()) == {"where", "problem", "expected", "remedy"}


def test_errors_are_drawn_in_the_module():
    """The tree in the module's docstring names every class."""
    assert all(cls.__name__ in errors.__doc__ for cls in FAMILY)


def test_raise_faults_shows_all_at_once():
    """Several faults become one error that holds all their texts."""
    faults = [errors.BadInput(f"row {k}", "no date", "a date", "correct it") for k in (1, 2)]
    with pytest.raises(errors.Faults) as caught:
        errors.raise_faults(faults)
    assert all(str(fault) in str(caught.value) for fault in faults)


def test_raise_faults_keeps_a_single_fault_as_it_is():
    """One fault is raised as itself, not wrapped."""
    with pytest.raises(errors.NotReady):
        errors.raise_faults([errors.NotReady("a", "b", "c", "d")])


def test_raise_faults_is_silent_without_faults():
    """Nothing found, nothing raised."""
    assert errors.raise_faults([]) is None
