"""The shell: `echelon demo | fit | describe | datasets`. Only this room knows typer and rich."""
