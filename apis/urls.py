"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

platform = []
pages = []
organisation_pages = []
wire = []
