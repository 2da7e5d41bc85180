"""The provider in memory keeps the contract: the suite passes what is right."""

from .contract import MemoryContract


class TestMemory(MemoryContract):
    mode = "memory"
