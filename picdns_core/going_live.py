"""The newest certificates put live, and told."""

from picdns_core.announcer import Announcer
from picdns_core.deploy.deployment import Serving
from picdns_core.job import Job
from picdns_core.model import Progress, Step


def put_live(job: Job, announce: Announcer, progress: Progress, *, reassure: bool = False) -> bool:
    """Put the newest certificates live; False when they already are.

    `reassure` makes sure that the server uses what is live, down to what no probe sees.
    """
    with job.store.lock("deploy", "putting certificates live", wait=60):
        newest = [job.lineages.newest(one.lineage) for one in job.wants]
        certificates = tuple(one for one in newest if one)
        servings = [Serving(job.cell, certificates)]
        fresh = [one for one in certificates if job.store.current(one.lineage) != one.generation]
        changed = not job.deployment.is_live(servings)
        if changed:
            progress(Step(text="Putting certificates live"))
            job.deployment.go_live(servings)
        elif reassure:
            job.deployment.reassure()
        in_use = job.deployment.generations_in_use()
        for lineage in {one.lineage for one in certificates}:
            job.lineages.prune(lineage, {one for name, one in in_use if name == lineage})
    for certificate in fresh:
        announce.issued(job.cell, job.clock.now(), certificate)
    return changed
