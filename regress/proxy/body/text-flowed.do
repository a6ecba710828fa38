disclaimer From us
disclaimer > arrow
disclaimer  indented
