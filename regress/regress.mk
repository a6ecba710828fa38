# tests; see regress/
