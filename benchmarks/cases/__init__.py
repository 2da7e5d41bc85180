"""The cases, in the order of the table; a new one is a file here and a line below."""

from benchmarks.cases import cold, dns, due, importing, propagation, services, tick, twenty, warm

CASES = (
    *(importing.CASE, cold.CASE, twenty.CASE, warm.CASE),
    *(dns.CASE, propagation.CASE, tick.CASE, due.CASE, services.CASE),
)
