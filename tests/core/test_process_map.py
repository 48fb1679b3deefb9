"""The process mapping says where every task is, whatever the distribution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_compat.core import process_map


@given(st.lists(st.integers(0, 12), max_size=60))
def test_read_back(node_of: list[int]) -> None:
    assert process_map.nodes_of(process_map.text_of(node_of), len(node_of)) == node_of


@given(st.integers(1, 50), st.integers(1, 50))
def test_regular_layouts_are_short(nodes: int, each: int) -> None:
    block = [node for node in range(nodes) for _ in range(each)]
    cyclic = [node for _ in range(each) for node in range(nodes)]
    assert process_map.text_of(block) == f"(vector,(0,{nodes},{each}))"
    assert len(process_map.text_of(cyclic)) <= len("(vector,(0,50,50))")


@given(st.text(max_size=40), st.integers(0, 10))
def test_what_is_no_mapping(text: str, tasks: int) -> None:
    try:
        assert len(process_map.nodes_of(text, tasks)) == tasks
    except ValueError as exc:
        assert text in str(exc)


@pytest.mark.parametrize("text", ["", "(vector)", "(vector,(0,1))", "(vector,(0,0,0))", "vector,(0,1,1)"])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mapping"):
        process_map.nodes_of(text, 1)
