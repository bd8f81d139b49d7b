"""The commands, called as a user calls them, on a small shop."""

import json

import pytest
from click.testing import CliRunner

from serving.cli.group import forestay
from tests.serving.small_shop import write_shop


@pytest.fixture
def shop(tmp_path):
    """Write a small shop; nothing is ingested yet."""
    write_shop(tmp_path)
    return tmp_path


def called(folder, *arguments):
    """Call a command for machines, and read its JSON."""
    done = CliRunner().invoke(forestay, [*arguments, "--json", "--workspace", str(folder)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_check_tells_the_types_and_counts_and_changes_nothing(shop):
    """Nothing is written, not even the folder for state."""
    before = sorted(path.name for path in shop.iterdir())
    said = called(shop, "check")
    assert said["sources"][0]["read"] == 901
    assert set(said["sufficiency"]) == {"churn", "complaint"}
    assert said["consent_mapped"]
    assert sorted(path.name for path in shop.iterdir()) == before


def test_check_after_ingest_says_whether_the_history_suffices(shop):
    """Each target has its test dates and the problems in words."""
    called(shop, "ingest")
    found = called(shop, "check")["sufficiency"]
    assert set(found) == {"churn", "complaint"}
    assert all(problem["message"] for target in found.values() for problem in target["problems"])


def test_ingest_again_changes_nothing(shop):
    """The second time the accepted data are what they were."""
    assert called(shop, "ingest")["changed"]
    assert not called(shop, "ingest")["changed"]


def test_features_builds_a_date_once(shop):
    """Asked for twice, the snapshot is left alone."""
    called(shop, "ingest")
    assert called(shop, "features", "--as-of", "2011-06-01")["built"] == ["2011-06-01"]
    assert called(shop, "features", "--as-of", "2011-06-01")["unchanged"] == ["2011-06-01"]


def test_features_builds_the_planned_dates_of_a_period(shop):
    """Between two dates, those that training or the night needs, and no others."""
    called(shop, "ingest")
    built = called(shop, "features", "--from", "2011-04-01", "--to", "2011-07-01")["built"]
    assert "2011-07-01" in built
    assert all("2011-04-01" <= day <= "2011-07-01" for day in built)


def test_models_list_is_empty_before_any_training(shop):
    """No model is no fault, and no store is made by looking."""
    assert called(shop, "models", "list") == {"models": []}
    assert not (shop / "mlruns").exists()


def test_init_proposes_a_workspace_that_loads(shop, tmp_path):
    """What `init` writes can be checked at once."""
    (shop / "forestay.yaml").unlink()
    said = called(shop, "init", str(shop / "orders.csv"))
    assert (shop / "forestay.yaml").read_text() == said["yaml"]
    assert called(shop, "check")["sources"][0]["table"] == "orders"


def test_features_from_after_to_is_wrong_usage(shop):
    """Turned round, the two name no date; "built: -" would look like success."""
    days = ["--from", "2011-07-01", "--to", "2011-04-01"]
    done = CliRunner().invoke(forestay, ["features", *days, "--workspace", str(shop)])
    assert done.exit_code == 2
    assert "lies after" in done.stderr


def test_a_search_of_no_time_is_wrong_usage(shop):
    """`--tune 0` would search for nothing and say it had searched."""
    done = CliRunner().invoke(forestay, ["train", "--tune", "0", "--workspace", str(shop)])
    assert done.exit_code == 2
    assert "--tune" in done.stderr


def test_an_excluded_feature_that_does_not_exist_is_named(shop):
    """The message gives the nearest name, and exit code 1 says that a file must change."""
    with (shop / "forestay.yaml").open("a") as file:
        file.write("\nmodels: {churn: {except: [recency_day]}}\n")
    called(shop, "ingest")
    done = CliRunner().invoke(forestay, ["train", "--target", "churn", "--workspace", str(shop)])
    assert done.exit_code == 1
    assert "did you mean `recency_days`" in done.stderr
