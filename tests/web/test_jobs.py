"""Jobs: taken on once, done in a thread, known to all processes, and never lost without a word."""

import json
import subprocess
import sys
import threading

import pytest

from picdns_core import ConfigError, Runner
from picdns_core.model import Step
from picdns_core.web.jobs import Jobs
from tests.web.conftest import MakeSite, Site

DYING = """
import os, sys, time
from picdns_core import Runner
from picdns_core.web.jobs import Jobs
jobs = Jobs(Runner(sys.argv[1]))
job = jobs.take("renew", lambda _: time.sleep(60))
waiting = jobs.take("switch", lambda _: None)
while jobs.read(job.id).state != "running":
    time.sleep(0.01)
print(job.id, waiting.id, flush=True)
time.sleep(60)
"""


class Work:
    """Something that begins, and ends when it is let."""

    def __init__(self) -> None:
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self, runner: Runner) -> str:
        runner.workshop.progress(Step(text="Waiting", name="x.test"))
        self.begun.set()
        assert self.let.wait(20)
        return "well"


def test_a_renewal_is_a_job_with_its_steps(site: Site) -> None:
    """Its result is the report; what was asked for is done."""
    before = site.runner.status().certificates[0].serial
    job = site.done(site.send("POST", "/api/caddy/cert-renew", {}))
    assert (job["kind"], job["state"], job["problem"]) == ("renew", "done", None)
    assert len(job["result"]["issued"]) == 2
    assert sorted(one["name"] for one in job["steps"]) == ["", "home.cell", "internal"]
    assert job["steps"][0]["text"] == "Getting a certificate: it was asked for"
    assert job["created_at"] <= job["started_at"] <= job["steps"][0]["at"] <= job["ended_at"]
    assert site.runner.status().certificates[0].serial != before


def test_the_same_is_not_done_twice_at_a_time(site: Site, make_site: MakeSite) -> None:
    """Whoever asks, in whatever process, gets the job that runs; a second switch is refused."""
    work, jobs, others = Work(), site.blueprint.jobs, make_site(site.cell)
    first = jobs.take("renew", work)
    assert work.begun.wait(10)
    again = others.send("POST", "/api/caddy/cert-renew", {})
    assert (again.status_code, again.json["id"]) == (202, first.id)  # type: ignore[index]
    switch = jobs.take("switch", lambda _: None)
    assert [one.id for one in others.blueprint.jobs.unfinished()] == [first.id, switch.id]
    refused = others.send("PUT", "/api/domain", {"mode": "lan", "settings": {}})
    assert refused.status_code == 409
    work.let.set()
    for one in (first, switch):
        assert [*others.blueprint.jobs.watch(one.id, 9, 10)][-1].state == "done"
    assert jobs.take("renew", lambda _: None).id != first.id


def test_the_events_of_a_job_are_its_steps(site: Site, make_site: MakeSite) -> None:
    """Another process streams them; who comes again gets only what is new."""
    work = Work()
    job = site.blueprint.jobs.take("renew", work)
    assert work.begun.wait(10)
    threading.Timer(0.3, work.let.set).start()
    path, others = f"/api/domain/jobs/{job.id}/events", make_site(site.cell)
    response = others.get(path)
    assert response.mimetype == "text/event-stream"
    events = response.text.strip().split("\n\n")
    assert events[0].startswith("id: 1\nevent: step\ndata: {")
    assert json.loads(events[0].partition("data: ")[2])["text"] == "Waiting"
    assert events[-1].startswith("event: done\ndata: {")
    assert json.loads(events[-1].partition("data: ")[2])["result"] == "well"
    again = others.client.get(path, headers={"X-May": "read", "Last-Event-ID": "1"})
    assert "event: step" not in again.text
    for odd in ("-1", "x", "\xb2", "9" * 99):
        again = others.client.get(path, headers={"X-May": "read", "Last-Event-ID": odd})
        assert "event: step" in again.text


def test_those_who_watch_cannot_take_all_threads(site: Site) -> None:
    """Sixteen at a time; a client that leaves makes room."""
    work = Work()
    job = site.blueprint.jobs.take("renew", work)
    assert work.begun.wait(10)
    path = f"/api/domain/jobs/{job.id}/events"
    watching = [site.get(path, buffered=False) for _ in range(16)]
    assert site.get(path).status_code == 503
    for one in watching:
        one.close()
    work.let.set()
    assert "event: done" in site.get(path).text


def test_what_fails_is_told_with_its_mend(site: Site) -> None:
    """An error of ours as it is, any other without its details."""

    def wrong(_: Runner) -> None:
        raise ConfigError("ddns.token", "is wrong.", hint="Mend it.")

    def broken(_: Runner) -> None:
        raise RuntimeError("secret-canary")

    jobs = site.blueprint.jobs
    said = [*jobs.watch(jobs.take("renew", wrong).id, 9, 10)][-1]
    assert said.state == "failed"
    assert said.problem["key"] == "ddns.token"
    assert (said.problem["status"], said.problem["hint"]) == (422, "Mend it.")
    said = [*jobs.watch(jobs.take("renew", broken).id, 9, 10)][-1]
    assert said.problem["type"] == "urn:picdns:problem:Unforeseen"
    assert "canary" not in (site.cell.base / f"jobs/{said.id}.json").read_text()


def test_the_jobs_of_a_process_that_died_have_failed(site: Site) -> None:
    """Those that waited as well; and the next process does new ones."""
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(site.cell.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    ids = process.stdout.readline().split()
    assert len(ids) == 2
    assert {site.get(f"/api/domain/jobs/{one}").json["state"] for one in ids} == {  # type: ignore[index]
        "running",
        "waiting",
    }
    process.kill()
    process.communicate(timeout=10)
    for one in ids:
        job = site.get(f"/api/domain/jobs/{one}").json
        assert isinstance(job, dict)
        assert job["state"] == "failed"
        assert job["problem"]["type"] == "urn:picdns:problem:WorkerEnded"
    assert site.done(site.send("POST", "/api/caddy/cert-renew", {}))["state"] == "done"


def test_whoever_takes_over_a_place_ends_what_was_left_there(site: Site) -> None:
    """So the jobs of a dead process do not seem to be those of the new one."""
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(site.cell.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    left = process.stdout.readline().split()
    process.kill()
    process.communicate(timeout=10)
    jobs = site.blueprint.jobs
    new = jobs.take("renew", lambda _: "new")
    assert new.id not in left
    assert {jobs.read(one).state for one in left} == {"failed"}


def test_too_many_that_wait(site: Site) -> None:
    work, jobs = Work(), site.blueprint.jobs
    jobs.take("register", work)
    for number in range(19):
        jobs.take("renew", lambda _: None, f"name-{number}")
    response = site.send("POST", "/api/caddy/cert-renew", {})
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"
    work.let.set()


def test_a_host_that_ends_ends_its_jobs(site: Site) -> None:
    """What is under way hears of it, what waits is not begun, and no thread stays."""
    begun = threading.Event()

    def endless(runner: Runner) -> None:
        begun.set()
        assert runner.workshop.cancel.wait(20)

    jobs = Jobs(site.runner)
    first, second = jobs.take("renew", endless), jobs.take("switch", lambda _: None)
    assert begun.wait(10)
    jobs.close()
    assert [jobs.read(one.id).state for one in (first, second)] == ["done", "failed"]  # type: ignore[union-attr]
    assert "picdns-jobs" not in {one.name for one in threading.enumerate()}


@pytest.mark.parametrize(
    "job_id", ["../cell", "%2e%2e%2fcell", "x" * 500, "unknown-but-well-formed", "..%00"]
)
def test_an_id_that_is_none(site: Site, job_id: str) -> None:
    """No path is made of it."""
    for path in (f"/api/domain/jobs/{job_id}", f"/api/domain/jobs/{job_id}/events"):
        assert site.get(path).status_code == 404


def test_a_job_of_which_the_file_is_damaged(site: Site) -> None:
    job = site.done(site.send("POST", "/api/caddy/cert-renew", {}))
    (site.cell.base / f"jobs/{job['id']}.json").write_text("{")
    assert site.get(f"/api/domain/jobs/{job['id']}").status_code == 404
    assert site.get("/api/domain").status_code == 200


def test_jobs_are_for_us_alone_and_forgotten_in_time(site: Site) -> None:
    """Fifty are kept."""
    jobs = site.blueprint.jobs
    ids = []
    for _ in range(53):
        ids.append(jobs.take("renew", lambda _: None).id)
        assert [*jobs.watch(ids[-1], 9, 10)][-1].state == "done"
    files = sorted((site.cell.base / "jobs").iterdir())
    assert len(files) == 51  # and the one that was taken on last
    assert {one.stat().st_mode & 0o777 for one in files} == {0o600}
    assert jobs.read(ids[0]) is None
