"""Python imports this at the start of every process below `runseal run`, because its folder stands in front of PYTHONPATH.

It imports nothing of ours before transformers is imported, and whatever goes wrong in here costs the recording only. Any
Python from 3.4 on must be able to read it.
"""
# mypy: ignore-errors

import sys


def _chain(folder):
    """The sitecustomize that would have been imported without this folder."""
    import os

    kept = list(sys.path)
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != folder]
    own = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
        if own is not None:
            sys.modules["sitecustomize"] = own
    finally:
        # Ours stays in PYTHONPATH, for the processes that this one starts; here nobody needs it any more.
        sys.path[:] = [place for place in kept if os.path.abspath(place or ".") != folder]


def _install(folder):
    import os

    if sys.version_info < (3, 9) or os.environ.get("RUNSEAL_DISABLED") == "1":
        return
    wrapper = os.path.dirname(folder)
    try:
        from importlib.util import spec_from_file_location

        spec = spec_from_file_location("_runseal_import_hook", os.path.join(wrapper, "import_hook.py"))
        hook = __import__("importlib.util", fromlist=["x"]).module_from_spec(spec)
        spec.loader.exec_module(hook)
        hook.install(os.path.dirname(wrapper))
    except Exception as error:
        sys.stderr.write("runseal: the training is not recorded from inside (" + repr(error) + ")\n")


_folder = __import__("os").path.dirname(__import__("os").path.abspath(__file__))
_install(_folder)
_chain(_folder)
