"""Linear algebra without statistical words: symmetric matrices, small batched blocks, rank."""
