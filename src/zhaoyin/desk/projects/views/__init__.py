"""The pages of a project, a file each: ledger (table, board, late, saved views), project (its page and history), edit (what
people state about it), claims, opinions (and site visits), verification, corrections, team, corridors."""
