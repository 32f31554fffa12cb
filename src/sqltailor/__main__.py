"""`python -m sqltailor`, as torchrun and accelerate start it."""

from sqltailor.cli import main

if __name__ == "__main__":
    main()
