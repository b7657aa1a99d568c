"""Zhaoyin (招引): investment and talent attraction for a development zone."""
