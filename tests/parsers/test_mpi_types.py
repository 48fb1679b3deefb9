"""--mpi where there is no libpmix, and where there is."""

from __future__ import annotations

import pytest

from crane_compat import libpmix
from crane_compat.parsers import mpi_types, option_values


def test_without_libpmix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpmix, "LIBRARY", "libpmix-that-is-not-there.so.2")
    assert libpmix.installed() is None
    assert option_values._mpi_help() == "MPI plugin types are...\n\tnone\n\tcray_shasta\n\tpmi2\n"
    assert not option_values._mpi_available("pmix")
    assert option_values._mpi_available("pmi2")


@pytest.mark.skipif(libpmix.installed() is None, reason="no libpmix here (Debian: libpmix2)")
def test_with_libpmix() -> None:
    version = libpmix.installed()
    assert option_values._mpi_help().endswith(f"\tpmi2\nspecific pmix plugin versions available: pmix_v{version}\n")
    assert option_values._mpi_available(f"pmix_v{version}")
    assert not option_values._mpi_available("pmix_v3")


@pytest.mark.skipif(libpmix.installed() is None, reason="no libpmix here (Debian: libpmix2)")
def test_a_library_of_another_version_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpmix, "VERSIONS", (98, 99))
    assert libpmix.installed() is None
    host = libpmix.Host(*[lambda *_: None] * 6)
    with pytest.raises(libpmix.Unusable, match=r"libpmix.so.2 is .*; versions 98 and 99 can be used"):
        libpmix.Library().serve(host, [])


@pytest.mark.parametrize("name", ["", "foo", "pmix_v", "pmix_vx", "PMI2"])
def test_unknown_types(name: str) -> None:
    assert not mpi_types.is_known(name)
