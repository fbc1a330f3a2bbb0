"""The pipelines of docs/automation: valid for their vendors, and each script really run.

What the runner reports to is a GitLab API on loopback and a `gh` that keeps what it is given;
irrgate, the routers, the registry, curl and jq are real.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.desk import CHANGES, COULD_NOT_RUN, DONE, PROBLEMS, Desk, accepts, has_list, told
from tests.e2e.gitlab_api import TOKEN, GitlabApi, gitlab_api
from tests.e2e.pipelines import AUTOMATION, Runner, filled, jobs, output_of

pytestmark = pytest.mark.e2e

GITLAB = "gitlab/.gitlab-ci.yml"
GITHUB = "github/irrgate.yml"
LONG = 60000


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Runner:
    return Runner(desk, tmp_path / "bin")


@pytest.mark.parametrize(
    ("schema", "path"), [("vendor.gitlab-ci", GITLAB), ("vendor.github-workflows", GITHUB)]
)
def test_the_vendor_takes_it(schema: str, path: str) -> None:
    argv = ["-m", "check_jsonschema", "--builtin-schema", schema, str(AUTOMATION / path)]
    done = subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def gitlab(runner: Runner) -> Iterator[GitlabApi]:
    missing = [name for name in ("curl", "jq") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} missing: sh .ci/install-checkers")
    with gitlab_api() as api:
        runner.environ = {
            "CI_API_V4_URL": api.url,
            "CI_PROJECT_ID": "3",
            "CI_COMMIT_SHA": "c0ffee",
            "CI_PIPELINE_URL": "https://gitlab.example/pipelines/9",
            "IRRGATE_NOTE_TOKEN": TOKEN,
            "MAX_NOTE": jobs(GITLAB)["comment"]["variables"]["MAX_NOTE"],
        }
        yield api


def gitlab_job(runner: Runner, name: str, *, expect: int, **environ: str) -> str:
    """Run a job's script; return its log."""
    done = runner.bash(jobs(GITLAB)[name]["script"], environ)
    assert TOKEN not in done.stdout + done.stderr
    return told(done, expect).stdout


def test_gitlab_plans_comments_and_applies(runner: Runner, gitlab: GitlabApi) -> None:
    desk = runner.desk
    log = gitlab_job(runner, "plan", expect=CHANGES)
    assert CHANGES in jobs(GITLAB)["plan"]["allow_failure"]["exit_codes"]
    plan = desk.irrgate("show", "plan.zip", "--format", "markdown").stdout
    assert plan in log

    gitlab_job(runner, "comment", expect=DONE, CI_MERGE_REQUEST_IID="12")
    pipeline = "\nPipeline https://gitlab.example/pipelines/9\n"
    assert gitlab.notes == {"/api/v4/projects/3/merge_requests/12/notes": [plan + pipeline]}

    gitlab_job(runner, "comment", expect=DONE)
    assert gitlab.notes["/api/v4/projects/3/merge_requests/7/notes"] == [plan + pipeline]

    gitlab_job(runner, "apply", expect=DONE)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64501-V4", "10.20.5.0/24")
    assert "Routers: 4 unchanged." in gitlab_job(runner, "plan", expect=DONE)


def test_gitlab_goes_on_with_what_is_not_held(runner: Runner, gitlab: GitlabApi) -> None:
    runner.desk.edit("peers.yaml", "AS64501:AS-CLIENTES", "AS64501:AS-CLIENTAS")
    gitlab_job(runner, "plan", expect=PROBLEMS)
    assert PROBLEMS in jobs(GITLAB)["plan"]["allow_failure"]["exit_codes"]
    gitlab_job(runner, "comment", expect=DONE)
    (note,) = gitlab.notes["/api/v4/projects/3/merge_requests/7/notes"]
    assert "AS64501:AS-CLIENTAS does not exist" in note
    gitlab_job(runner, "apply", expect=PROBLEMS)
    assert has_list(runner.desk.devices["edge1.mex"], "IRR-AS64500-V4")
    assert not has_list(runner.desk.devices["edge1.mex"], "IRR-AS64501-V4")


def test_gitlab_stops_at_a_plan_that_could_not_be_made(runner: Runner, gitlab: GitlabApi) -> None:
    runner.desk.edit("peers.yaml", "role: provider", "role: grandparent")
    gitlab_job(runner, "plan", expect=COULD_NOT_RUN)
    assert COULD_NOT_RUN not in jobs(GITLAB)["plan"]["allow_failure"]["exit_codes"]
    assert not (runner.desk.directory / "plan.zip").exists()


def test_gitlab_without_a_merge_request_or_with_a_wrong_token(
    runner: Runner, gitlab: GitlabApi
) -> None:
    gitlab_job(runner, "plan", expect=CHANGES)
    gitlab.merged = None
    assert "no merge request" in gitlab_job(runner, "comment", expect=DONE)
    assert not gitlab.notes
    wrong = runner.bash(
        jobs(GITLAB)["comment"]["script"],
        {"IRRGATE_NOTE_TOKEN": "x", "CI_MERGE_REQUEST_IID": "12"},
    )
    assert wrong.exit_code != DONE
    assert gitlab.refused == ["/api/v4/projects/3/merge_requests/12/notes"]


def test_a_plan_that_is_too_long_for_a_note(runner: Runner, gitlab: GitlabApi) -> None:
    text = "## irrgate plan `abc`\n\nRouters: 900 to change.\n" + "| x |\n" * LONG
    (runner.desk.directory / "plan.md").write_text(text)
    gitlab_job(runner, "comment", expect=DONE)
    (note,) = gitlab.notes["/api/v4/projects/3/merge_requests/7/notes"]
    assert note.startswith("## irrgate plan `abc`\n\nRouters: 900 to change.\n\nToo long")
    assert len(note) < 300
    comment = github_step(runner, "comment", expect=DONE)
    assert comment.startswith("## irrgate plan `abc`\n\nRouters: 900 to change.\n\nToo long")


CONTEXT = {
    "github.token": "job-token",
    "github.repository": "example/network",
    "github.event.pull_request.number": "5",
    "github.server_url": "https://github.example",
    "github.run_id": "77",
}


def github_step(runner: Runner, job: str, *, expect: int, **environ: str) -> str:
    """Run the scripts of a job's steps; return the comment that `gh` has kept by then."""
    comment = runner.bin / "comment"
    files = {
        name: str(runner.bin / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    }
    for step in jobs(GITHUB)["jobs"][job]["steps"]:
        if "run" not in step:
            continue
        # What somebody else wrote reaches a script by its environment only.
        assert "${{" not in step["run"]
        given = {name: filled(value, CONTEXT) for name, value in step.get("env", {}).items()}
        told(
            runner.bash([step["run"]], {**files, "GH_COMMENT": str(comment), **given, **environ}),
            expect,
        )
    return comment.read_text() if comment.exists() else ""


def test_github_plans_comments_and_applies(runner: Runner) -> None:
    desk = runner.desk
    github_step(runner, "plan", expect=DONE)
    assert output_of(runner.bin / "github_output") == {"code": str(int(CHANGES))}
    plan = desk.irrgate("show", "plan.zip", "--format", "markdown").stdout
    assert (runner.bin / "github_step_summary").read_text() == plan

    run = "\nRun https://github.example/example/network/actions/runs/77\n"
    assert github_step(runner, "comment", expect=DONE) == plan + run
    github_step(runner, "comment", expect=DONE)
    made, edited = (runner.bin / "comment.calls").read_text().splitlines()
    assert made == "example/network pr comment 5 --body-file comment.md"
    assert edited == "example/network pr comment 5 --edit-last --body-file comment.md"

    github_step(runner, "apply", expect=DONE)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64501-V4", "10.20.5.0/24")
    (runner.bin / "github_output").unlink()
    github_step(runner, "plan", expect=DONE)
    assert output_of(runner.bin / "github_output") == {"code": "0"}


def test_github_goes_on_with_what_is_not_held_and_stops_at_an_error(runner: Runner) -> None:
    runner.desk.edit("peers.yaml", "AS64501:AS-CLIENTES", "AS64501:AS-CLIENTAS")
    github_step(runner, "plan", expect=DONE)
    assert output_of(runner.bin / "github_output") == {"code": str(int(PROBLEMS))}
    github_step(runner, "apply", expect=PROBLEMS)
    (runner.bin / "github_output").unlink()
    runner.desk.edit("peers.yaml", "role: provider", "role: grandparent")
    github_step(runner, "plan", expect=COULD_NOT_RUN)
    assert not (runner.bin / "github_output").exists()


def test_what_is_applied_is_the_plan_of_the_same_run() -> None:
    gitlab, github = jobs(GITLAB), jobs(GITHUB)["jobs"]
    assert "plan.zip" in gitlab["plan"]["artifacts"]["paths"]
    assert gitlab["apply"]["needs"] == ["plan", "comment"]
    assert [rule["when"] for rule in gitlab["apply"]["rules"]] == ["manual"]
    (uploaded,) = [s["with"] for s in github["plan"]["steps"] if "upload" in s.get("uses", "")]
    assert "plan.zip" in uploaded["path"].split()
    for job in ("comment", "apply"):
        (downloaded,) = [s["with"] for s in github[job]["steps"] if "download" in s.get("uses", "")]
        assert downloaded == {"name": uploaded["name"]}
        assert github[job]["needs"] == "plan"
    assert github["apply"]["environment"] == "production"


def test_only_what_needs_them_has_secrets_and_rights() -> None:
    loaded = jobs(GITHUB)
    assert loaded["permissions"] == {}
    rights = {name: job["permissions"] for name, job in loaded["jobs"].items()}
    assert rights == {
        "plan": {"contents": "read"},
        "comment": {"pull-requests": "write"},
        "apply": {"contents": "read"},
    }
    assert "secrets." not in str(loaded["jobs"]["comment"])
    assert "head.repo.full_name == github.repository" in loaded["jobs"]["plan"]["if"]
