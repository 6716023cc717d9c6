from importlib.metadata import EntryPoint

import pytest

from models import registry
from models.constant import Constant
from models.errors import InputError, MissingError


def test_every_registered_adapter_can_be_looked_up() -> None:
    assert Constant is registry.adapter_class("constant")
    assert sorted(registry.ADAPTERS) == [line.name for line in registry.describe()]
    assert all(line.summary and line.error is None for line in registry.describe())


def test_an_unknown_adapter_offers_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'retreival'.*Did you mean 'retrieval'\?.*list models"):
        registry.adapter_class("retreival")


def _plugins(monkeypatch: pytest.MonkeyPatch, **targets: str) -> None:
    points = {
        f"their-package/{name}": EntryPoint(name, target, registry.ENTRY_POINT_GROUP)
        for name, target in targets.items()
    }
    monkeypatch.setattr(registry, "plugins", lambda: points)


def test_a_plug_in_is_found_under_its_package_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _plugins(monkeypatch, same="models.constant:Constant")
    assert Constant is registry.adapter_class("their-package/same")


@pytest.mark.parametrize("target", ["no_such_module:X", "models.constant:NORMAL_REPORT"])
def test_a_broken_plug_in_is_named_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    _plugins(monkeypatch, broken=target)
    with pytest.raises(MissingError, match=r"'their-package/broken'.*Mend or uninstall"):
        registry.adapter_class("their-package/broken")
    lines = {line.name: line for line in registry.describe()}
    assert "their-package/broken" in str(lines["their-package/broken"].error)
    assert lines["constant"].error is None
