"""Where state lives: the Store protocol, its form as files, and what is kept in it."""

from picdns_core.store.config_file import ConfigFile
from picdns_core.store.documents import Document, load, save
from picdns_core.store.files import FileStore
from picdns_core.store.lineages import Certificate, CertMeta, Lineages
from picdns_core.store.protocol import Store
from picdns_core.store.secrets import ModeSecrets

__all__ = [
    "CertMeta",
    "Certificate",
    "ConfigFile",
    "Document",
    "FileStore",
    "Lineages",
    "ModeSecrets",
    "Store",
    "load",
    "save",
]
