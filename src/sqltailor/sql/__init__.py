"""SQL text as values: dialects, schemas, the guard and query specifications. No database, no model."""
