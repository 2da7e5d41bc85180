"""The newest certificates put live, and told."""

from picdns_core.announcer import Announcer
from picdns_core.deploy.deployment import Serving
from picdns_core.job import Job
from picdns_core.model import Progress, Step
from picdns_core.store.failures import INSIDE


def put_live(job: Job, announce: Announcer, progress: Progress, *, reassure: bool = False) -> bool:
    """Put the newest certificates live; False when they already are.

    `reassure` makes sure that the server uses what is live, down to what no probe sees. Else what
    is answered inside is put live as well, when all that is done.
    """
    with job.store.lock("deploy", "putting certificates live", wait=60):
        job.holding.check_in_force()
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
    if reassure:  # for a CA that is about to look, and from outside
        return changed
    return _answer_inside(job, progress) or changed


def _answer_inside(job: Job, progress: Progress) -> bool:
    """Have the cell's names answered inside the VPN; False when they already are.

    What fails is noted for itself: certificates are renewed and served all the same.
    """
    if job.inside is None:
        job.failures.clear(INSIDE)
        return False
    with (
        job.failures.remembered(INSIDE),
        job.store.lock("deploy", "changing what is answered inside", wait=60),
    ):
        if job.inside.is_live([job.cell]):
            return False
        progress(Step(text="Changing what CoreDNS answers inside"))
        job.inside.go_live([job.cell])
    return True
