"""`sqltailor serve`: one model and one database for people, OpenAI clients, Bedrock clients and MCP hosts."""
