"""`python -m sightcheck`: the same commands."""

from sightcheck.cli.app import main

if __name__ == "__main__":
    main()
