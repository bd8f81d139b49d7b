"""Keys apart from records: names that tell nobody, records that open for one key, shredding."""

import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BrokenRecord, Conflict
from serving.keyring import Erased, Keyring

DAY = date(2026, 3, 4)


@pytest.fixture
def keyring(tmp_path):
    """Make new keys."""
    return Keyring(tmp_path / "keys")


def sealed_for(keyring, *customers, payload=b"secret"):
    """Seal one payload for each customer; return names and sealed bytes."""
    names = keyring.pseudonyms(customers)
    return names, keyring.seal(names, [payload] * len(names), names)


def opened(keyring, names, sealed):
    """Open what `sealed_for` sealed."""
    return keyring.unseal_all(names, sealed, names)


def test_names_are_the_same_for_the_same_customer_and_key_only(keyring, tmp_path):
    """A name says nothing without the key: another keyring gives another one."""
    one, other = keyring.pseudonyms(["12346", "12347"])
    assert (len(one), one != other) == (16, True)
    assert keyring.pseudonyms(["12346"]) == [one]
    assert keyring.record_ids(["12346"]) != [one]
    assert Keyring(tmp_path / "keys").pseudonyms(["12346"]) == [one]
    assert Keyring(tmp_path / "other").pseudonyms(["12346"]) != [one]


def test_what_is_sealed_opens_and_shows_nothing_before(keyring):
    """Two customers, two keys; the same payload looks different."""
    names, sealed = sealed_for(keyring, "a", "b")
    assert b"secret" not in sealed[0] + sealed[1]
    assert sealed[0] != sealed[1]
    assert opened(keyring, names, sealed) == [b"secret", b"secret"]


def test_what_was_changed_or_moved_does_not_open(keyring):
    """Neither with a byte changed nor as another record."""
    (name, other), (sealed, _) = sealed_for(keyring, "a", "b")
    with pytest.raises(BrokenRecord, match="bytes were changed"):
        keyring.unseal_all([name], [sealed[:-1] + bytes([sealed[-1] ^ 1])], [name])
    with pytest.raises(BrokenRecord):
        keyring.unseal_all([name], [sealed], [other])
    with pytest.raises(BrokenRecord):
        keyring.unseal_all([other], [sealed], [other])


def test_three_rotations_and_a_shredding(keyring):
    """Older records open by the keys of their time; of who was shredded none ever does."""
    history = []
    for _ in range(4):
        history.append(sealed_for(keyring, "a", "b"))
        keyring.rotate()
    assert len({names[0] for names, _ in history}) == 4
    assert set(keyring.every_pseudonym("a")) >= {names[0] for names, _ in history}
    keyring.shred("a", DAY)
    for names, sealed in history:
        assert opened(keyring, names, sealed) == [Erased(DAY), b"secret"]
    assert keyring.erased_on("a") == DAY
    assert keyring.erased_on("b") is None


def test_nobody_who_was_erased_gets_a_key_again(keyring):
    """A record about them is refused."""
    sealed_for(keyring, "a")
    keyring.shred("a", DAY)
    with pytest.raises(Conflict, match="erased"):
        sealed_for(keyring, "a")


def test_a_shredded_key_is_in_no_file(keyring, tmp_path):
    """Its bytes are overwritten, in the database and in its log."""
    names, _ = sealed_for(keyring, *(f"c{n}" for n in range(300)))
    keys = keyring._keys.known(names)  # noqa: SLF001 - the bytes themselves are looked for
    for n in range(0, 300, 3):
        keyring.shred(f"c{n}", DAY)
    content = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    for n, name in enumerate(names):
        assert (keys[name] in content) == bool(n % 3)


def test_keys_are_for_their_owner_alone(keyring, tmp_path):
    """Folder and files cannot be read by others; a key that can is refused."""
    sealed_for(keyring, "a")
    folder = tmp_path / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (folder / "pseudonym-1.key").chmod(0o640)
    with pytest.raises(Conflict, match="others than its owner"):
        Keyring(folder)


def test_two_at_once_give_a_customer_one_key(tmp_path):
    """Whoever is first makes the key; the other uses it."""
    folder = tmp_path / "keys"
    Keyring(folder)
    customers = [f"c{n}" for n in range(50)]

    def seal(_):
        return sealed_for(Keyring(folder), *customers)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(seal, range(8)))
    keyring = Keyring(folder)
    for names, sealed in made:
        assert opened(keyring, names, sealed) == [b"secret"] * 50


STEPS = st.lists(
    st.tuples(st.sampled_from(["seal", "rotate", "shred", "reopen"]), st.sampled_from("abc")),
    max_size=15,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_for_any_sequence_the_erased_never_open_and_others_always_do(steps):
    """Whatever is sealed, rotated, shredded and opened again, in any order."""
    with tempfile.TemporaryDirectory() as name:
        keyring = Keyring(Path(name) / "keys")
        sealed: list[tuple[str, list[bytes], list[bytes]]] = []
        gone: set[str] = set()
        for what, customer in steps:
            if what == "seal" and customer not in gone:
                sealed.append((customer, *sealed_for(keyring, customer)))
            elif what == "rotate":
                keyring.rotate()
            elif what == "shred":
                keyring.shred(customer, DAY)
                gone.add(customer)
            elif what == "reopen":
                keyring = Keyring(Path(name) / "keys")
        for customer, names, content in sealed:
            expected = Erased(DAY) if customer in gone else b"secret"
            assert opened(keyring, names, content) == [expected]
