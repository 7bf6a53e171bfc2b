"""HTML pages from templates that show every name as it is, whatever it holds."""

from __future__ import annotations

import jinja2


def template(name: str) -> jinja2.Template:
    """A template of this folder. ``percent`` writes a share; a value that is missing is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_utils.deploy", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    return environment.get_template(name)
