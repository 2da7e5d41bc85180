"""What is wrong with a cell and how to mend it: many small checks, side by side, in seconds."""

from picdns_core.doctor.diagnosis import Diagnosis
from picdns_core.doctor.examination import examine

__all__ = ["Diagnosis", "examine"]
