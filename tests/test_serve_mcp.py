"""The MCP server over real standard input and output, asked by the official client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_project import QUESTIONS, make_database
from tests.support.missing import missing

try:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
except ImportError:
    missing("mcp", "pip install -e '.[mcp]'")


@pytest.fixture
def command(tmp_path: Path) -> StdioServerParameters:
    make_database(tmp_path / "tram.db")
    (tmp_path / "answers.json").write_text(json.dumps(QUESTIONS | {"Forget the drivers": "DELETE FROM driver"}))
    words = ["-m", "sqltailor", "mcp", "--model", "echo:answers.json", "--database", "tram.db"]
    return StdioServerParameters(command=sys.executable, args=words, cwd=tmp_path, env=dict(os.environ))


async def called(command: StdioServerParameters, *calls: tuple[str, dict[str, Any]]) -> tuple[Any, list[Any]]:
    async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = await session.list_tools()
        return tools, [await session.call_tool(name, arguments) for name, arguments in calls]


def test_a_host_lists_the_tools_asks_and_reads_the_schema(command: StdioServerParameters) -> None:
    asked = {"question": "How many stops are there?"}
    tools, (schema, answer, written, refused, unknown, empty) = asyncio.run(
        called(
            command,
            ("schema", {}),
            ("ask", asked),
            ("ask", asked | {"run": False}),
            ("ask", {"question": "Forget the drivers"}),
            ("ask", {"question": "Who?"}),
            ("ask", {"question": " "}),
        )
    )
    assert {tool.name: tool.annotations.read_only_hint for tool in tools.tools} == {"ask": True, "schema": True}
    assert "CREATE TABLE stop" in schema.content[0].text
    reply = json.loads(answer.content[0].text)
    assert (reply["sql"], reply["rows"]) == ("SELECT count(*) FROM stop", [[4]])
    assert json.loads(written.content[0].text)["rows"] is None
    assert json.loads(refused.content[0].text)["layer"] == "policy"
    assert unknown.is_error
    assert "no answer to it" in unknown.content[0].text
    assert "The question is empty" in empty.content[0].text
