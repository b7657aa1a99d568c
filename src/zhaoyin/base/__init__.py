"""What every engine speaks: money, area, dates, organisation codes, code tables, text with an offset map.

Knows nothing of the web, of Django or of any engine.
"""
