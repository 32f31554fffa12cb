"""The child process that holds a database connection: its program, and one engine a file."""
