"""Records a training run: what went in, what happened, what came out. It never raises into the training after the start,
never waits for the network, and delivers later what it cannot deliver now."""

from .config import ConfigError
from .delivery import Delivery
from .hash_path import FileDigest, PathContent, hash_file, hash_folder, hash_path
from .run import Run
from .start import start_run
from .version import VERSION as __version__

__all__ = [
    "ConfigError",
    "Delivery",
    "FileDigest",
    "PathContent",
    "Run",
    "__version__",
    "hash_file",
    "hash_folder",
    "hash_path",
    "start_run",
]
