"""Makes `report_to: runseal` known to transformers in every process of an environment in which this package is installed.

The `.pth` file beside it has Python import this at each start: it must cost next to nothing, and do nothing before somebody
asks transformers for `runseal`.
"""

import sys

_WANTED = "transformers.integrations.integration_utils"


class _Waiting:
    """Finds nothing itself: it waits for one module of transformers, and adds to it once that has been loaded."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != _WANTED or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            _add_after_load(spec.loader)  # type: ignore[no-untyped-call]
        return spec


def _add_after_load(loader):  # type: ignore[no-untyped-def]
    load = loader.exec_module

    def exec_module(module):  # type: ignore[no-untyped-def]
        load(module)
        before = getattr(module, "get_reporting_integration_callbacks", None)
        if before is None:
            return

        def with_ours(report_to):  # type: ignore[no-untyped-def]
            if report_to == "runseal" or (isinstance(report_to, (list, tuple)) and "runseal" in report_to):
                from runseal.transformers import register

                register()
            return before(report_to)

        module.get_reporting_integration_callbacks = with_ours

    loader.exec_module = exec_module


sys.meta_path.insert(0, _Waiting())
