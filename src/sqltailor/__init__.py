"""SQLTailor: a text-to-SQL model, tailored to your database."""

__version__ = "0.1.0"
