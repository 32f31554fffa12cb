"""Ask and read the schema from an MCP host: a server on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqltailor.asker import Asker, open_asker
from sqltailor.errors import SQLTailorError, require
from sqltailor.project import Project
from sqltailor.recipe import Recipe
from sqltailor.sql.schema import to_ddl
from sqltailor.version import __version__

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = (
    "Answers questions about one database. Pass the user's question to `ask` in plain words; it writes the SQL, checks "
    "it and runs it read-only. `schema` says what can be asked about."
)


def serve_stdio(recipe: Recipe, model: str) -> None:
    """Serve until the host closes standard input. Raises `MissingExtra` without the extra `mcp`."""
    require("mcp", extra="mcp", feature="An MCP server")
    with Project(recipe) as project:
        make_server(project, open_asker(project, model)).run("stdio")


def make_server(project: Project, asker: Asker) -> MCPServer[Any]:
    """Return the server of two tools."""
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    server = MCPServer("sqltailor", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(annotations=reads)
    def ask(question: str, run: bool = True) -> dict[str, Any]:
        """Answer a question about the database: the SQL, whether it may run and if not why, and its rows.

        With `run` false the statement is only written and checked.
        """
        try:
            return asker(question, run=run and project.may_run).to_json()
        except SQLTailorError as e:
            raise ToolError(str(e)) from e

    @server.tool(annotations=reads)
    def schema() -> str:
        """Return the tables and columns that can be asked about, as CREATE TABLE statements."""
        return to_ddl(project.granted, project.dialect)

    return server
